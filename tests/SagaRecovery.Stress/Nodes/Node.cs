using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Nodes;

/// <summary>A place for a control-plane process beside others, with clients of any process that runs there.</summary>
internal sealed class Node(Stage stage, string name, IReadOnlyList<string> settings) : IAsyncDisposable
{
    private volatile ServiceProcess? _service;

    public string Name => name;

    /// <summary>The id of the process that runs here, or ran here last.</summary>
    public CoordinatorId Id { get; private set; }

    public ServiceProcess Service => _service ?? throw new InvalidOperationException($"Nothing runs at {name}.");

    public ProjectLoad Load { get; private set; } = null!;

    /// <summary>Starts clients here, with short timeouts: a process that is stopped must not block them indefinitely.</summary>
    public void BeginLoad(int clients, TimeSpan pause) => Load = new ProjectLoad(() => _service, clients, name, TimeSpan.FromSeconds(5), pause);

    /// <summary>Starts a process here, and waits until its first pass is over.</summary>
    /// <param name="id">The coordinator id; null: one of its own.</param>
    public async Task StartAsync(CoordinatorId? id = null)
    {
        Id = id ?? new CoordinatorId(Guid.NewGuid());
        ServiceProcess service = stage.Launch([.. settings, $"--SagaRecovery:CoordinatorId={Id}"]);
        await service.ListensAsync();
        await service.FirstPassAsync();
        _service = service;
    }

    /// <summary>SIGKILL.</summary>
    /// <returns>The time of the kill.</returns>
    public async Task<DateTimeOffset> KillAsync()
    {
        ServiceProcess service = Service;
        DateTimeOffset killed = TimeProvider.System.GetUtcNow();
        await service.KillAsync();
        _service = null;
        await stage.RetireAsync(service);
        return killed;
    }

    /// <summary>SIGTERM: it drains, and ends.</summary>
    /// <returns>Its exit code, and its log.</returns>
    public async Task<(int ExitCode, ProcessLog Log)> TerminateAsync()
    {
        ServiceProcess service = Service;
        int exitCode = await service.TerminateAsync();
        _service = null;
        return (exitCode, await stage.RetireAsync(service));
    }

    public ValueTask DisposeAsync() => Load?.DisposeAsync() ?? ValueTask.CompletedTask;
}
