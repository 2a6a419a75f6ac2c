using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace SagaRecovery.Testing;

/// <summary>
/// Processes that recover sagas, on one database in memory and one clock, where a test can hold any of them at any step and let the
/// others go on:
/// <code>
/// await using var simulation = new RecoverySimulation();
/// SimulatedProcess process = await simulation.StartProcessAsync();
/// HeldStep listed = process.Hold(SimulatedStep.ListAnswer);
/// Task&lt;PassReport&gt; pass = process.ActivateAsync();
/// await listed.Reached;                      // the listing has been read …
/// await process.StartSagaAsync(sagaId);      // … before this saga was there
/// listed.Release();
/// (await pass).Starting.Should().Be(1);
/// </code>
/// What passes and bookkeeping do is done by the real code. Nothing happens by itself but what the clock asks for, and the clock stands
/// still until the test moves it.
/// </summary>
public sealed class RecoverySimulation : IAsyncDisposable
{
    private readonly List<SimulatedProcess> _processes = [];

    /// <summary>The database, which outlives the processes.</summary>
    public InMemorySagaStore Database { get; } = new();

    /// <summary>The clock of all processes.</summary>
    public ManualTimeProvider Time { get; } = new();

    /// <summary>The coordinator id that a process runs under unless it is given another.</summary>
    public CoordinatorId Coordinator { get; } = new(Guid.Parse("c0000000-0000-4000-8000-000000000001"));

    /// <summary>An id that a reader recognises in a failure message: it ends in this number.</summary>
    public static SagaId Saga(int number) => SagaId.Parse($"00000000-0000-7000-8000-{number:D12}");

    /// <summary>Starts a process. Its first pass begins at once, and may not be over when this returns.</summary>
    /// <param name="configure">Sets options, such as another coordinator id; <see cref="SagaRecoveryOptions.ListPageSize"/> is the size of the listing's pages.</param>
    /// <param name="gates">The gates of its steps, where some are to be held from the beginning.</param>
    public async Task<SimulatedProcess> StartProcessAsync(Action<SagaRecoveryOptions>? configure = null, StepGates? gates = null)
    {
        gates ??= new StepGates();
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton<TimeProvider>(Time);
        builder.Services.AddSingleton(services => new SimulatedStore(
            Database, gates, services.GetRequiredService<IOptions<SagaRecoveryOptions>>().Value.ListPageSize));
        builder.Services.AddSingleton(new ScriptedExecutor(gates));
        builder.Services.AddSagaRecovery(options =>
        {
            options.CoordinatorId = Coordinator.Value;
            configure?.Invoke(options);
        }).UseStore<SimulatedStore>().UseExecutor<ScriptedExecutor>();
        IHost host = builder.Build();
        var process = new SimulatedProcess(host, gates);
        _processes.Add(process);
        await host.StartAsync().ConfigureAwait(false);
        return process;
    }

    /// <summary>Ends what still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (SimulatedProcess process in _processes)
        {
            await process.DisposeAsync().ConfigureAwait(false);
        }
    }
}
