using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace SagaRecovery.Testing;

/// <summary>
/// A simulation of processes that recover sagas, with one in-memory database and one clock. A test can hold any process at any step
/// while the others continue.
/// </summary>
/// <remarks>
/// Passes and bookkeeping run the real code. Apart from the first pass of a process, only the test and the clock cause work, and the
/// clock advances only when the test advances it.
/// </remarks>
/// <example>
/// <code>
/// await using var simulation = new RecoverySimulation();
/// SimulatedProcess process = await simulation.StartProcessAsync();
/// HeldStep listed = process.Hold(SimulatedStep.ListAnswer);
/// Task&lt;PassReport&gt; pass = process.ActivateAsync();
/// await listed.Reached;                      // the process has read the listing
/// await process.StartSagaAsync(sagaId);      // the listing does not contain this saga
/// listed.Release();
/// (await pass).Starting.Should().Be(1);
/// </code>
/// </example>
public sealed class RecoverySimulation : IAsyncDisposable
{
    private readonly List<SimulatedProcess> _processes = [];

    /// <summary>The database of all processes. It survives the end of a process.</summary>
    public InMemorySagaStore Database { get; } = new();

    /// <summary>The clock of all processes.</summary>
    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <summary>The default coordinator id of a process.</summary>
    public CoordinatorId Coordinator { get; } = new(Guid.Parse("c0000000-0000-4000-8000-000000000001"));

    /// <summary>Creates a saga id that ends in this number, so that it is easy to recognize in a failure message.</summary>
    public static SagaId Saga(int number) => SagaId.Parse($"00000000-0000-7000-8000-{number:D12}");

    /// <summary>Starts a process. Its first pass starts immediately and may still run when this method returns.</summary>
    /// <param name="configure">
    /// Configures the process, for example with another coordinator id. <see cref="SagaRecoveryOptions.ListPageSize"/> sets the page size
    /// of the listing.
    /// </param>
    /// <param name="gates">The gates of the process, to hold steps of the first pass. Null creates new ones.</param>
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
            options.CoordinatorId = Coordinator;
            configure?.Invoke(options);
        }).UseStore<SimulatedStore>().UseExecutor<ScriptedExecutor>();
        IHost host = builder.Build();
        var process = new SimulatedProcess(host, gates);
        _processes.Add(process);
        await host.StartAsync().ConfigureAwait(false);
        return process;
    }

    /// <summary>Stops all processes.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (SimulatedProcess process in _processes)
        {
            await process.DisposeAsync().ConfigureAwait(false);
        }
    }
}
