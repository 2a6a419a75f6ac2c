using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <summary>
/// One process of a <see cref="RecoverySimulation"/>: the real recovery in a real host, on the simulation's database and clock, with an
/// executor that does what the test says. Thread-safe.
/// </summary>
public sealed class SimulatedProcess : IAsyncDisposable
{
    private readonly IHost _host;
    private readonly StepGates _gates;
    private readonly SimulatedStore _store;
    private bool _killed;

    internal SimulatedProcess(IHost host, StepGates gates)
    {
        _host = host;
        _gates = gates;
        _store = host.Services.GetRequiredService<SimulatedStore>();
    }

    /// <summary>The services of its host, with all that <c>AddSagaRecovery()</c> registers.</summary>
    public IServiceProvider Services => _host.Services;

    /// <summary>What runs its sagas.</summary>
    public ScriptedExecutor Executor => Services.GetRequiredService<ScriptedExecutor>();

    /// <summary>What recovery did, as of now.</summary>
    public RecoveryReport Report => Services.GetRequiredService<SagaRecoveryStatus>().Current;

    /// <summary>Fires when it learns that it is fenced.</summary>
    public CancellationToken Fenced => Coordinator.Fenced;

    private SagaCoordinator Coordinator => Services.GetRequiredService<SagaCoordinator>();

    /// <summary>Holds its next step of this kind.</summary>
    /// <inheritdoc cref="StepGates.Hold" path="/param" />
    public HeldStep Hold(SimulatedStep step, SagaId? sagaId = null) => _gates.Hold(step, sagaId);

    /// <summary>Asks for a pass, and waits for it.</summary>
    public Task<PassReport> ActivateAsync(CancellationToken cancellationToken = default) =>
        Services.GetRequiredService<SagaRecoveryTrigger>().ActivateAsync(cancellationToken);

    /// <summary>Announces a saga that this process is about to start; waits until it has joined.</summary>
    public async Task<SimulatedStart> AnnounceAsync(SagaId sagaId, CancellationToken cancellationToken = default)
    {
        Membership member = await Coordinator.JoinedAsync(cancellationToken).ConfigureAwait(false);
        return new SimulatedStart(Services.GetRequiredService<SagaStarts>().Announce(sagaId), _store, member, Executor);
    }

    /// <summary>Starts a saga without incident: announced, inserted, run, created.</summary>
    /// <exception cref="InvalidOperationException">There is a saga with this id.</exception>
    public async Task StartSagaAsync(SagaId sagaId, CancellationToken cancellationToken = default)
    {
        using SimulatedStart start = await AnnounceAsync(sagaId, cancellationToken).ConfigureAwait(false);
        if (!await start.InsertAsync(cancellationToken).ConfigureAwait(false))
        {
            throw new InvalidOperationException($"There is a saga {sagaId}.");
        }

        start.Run();
        start.Created();
    }

    /// <summary>The run of a saga comes to its end, and says so in the log.</summary>
    /// <returns>Whether it was written; false: the saga is not this process's any more.</returns>
    /// <exception cref="InvalidOperationException">It does not run here.</exception>
    /// <exception cref="CoordinatorFencedException">A newer process has joined.</exception>
    public async Task<bool> FinishAsync(SagaId sagaId, CancellationToken cancellationToken = default)
    {
        Membership member = await Coordinator.JoinedAsync(cancellationToken).ConfigureAwait(false);
        AdoptGeneration generation = Executor.End(sagaId);
        var end = new SagaLogEntry(sagaId, generation, [], SagaState.Succeeded);
        return (await _store.AppendAsync(member, [end], cancellationToken).ConfigureAwait(false))[0];
    }

    /// <summary>The executor gives the run of a saga up, and tells recovery.</summary>
    /// <exception cref="InvalidOperationException">It does not run here.</exception>
    public void ReportInterrupted(SagaId sagaId) => Services.GetRequiredService<SagaStarts>().ReportInterrupted(sagaId, Executor.End(sagaId));

    /// <summary>SIGKILL: from here on it does nothing that anybody could see, and no word of it reaches anyone.</summary>
    public void Kill()
    {
        _gates.Kill();
        _killed = true;
    }

    /// <summary>Shuts it down as a host is shut down; one that was killed is only cleared away.</summary>
    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(new CancellationToken(canceled: _killed)).ConfigureAwait(false);
        _host.Dispose();
    }
}
