using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <summary>
/// A process of a <see cref="RecoverySimulation"/>. It runs the real recovery in a real host, with the simulation's database and clock
/// and a scripted executor. Thread-safe.
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

    /// <summary>The services of the host, including all that <c>AddSagaRecovery()</c> registers.</summary>
    public IServiceProvider Services => _host.Services;

    /// <summary>The executor of the process.</summary>
    public ScriptedExecutor Executor => Services.GetRequiredService<ScriptedExecutor>();

    /// <summary>The current report of recovery.</summary>
    public RecoveryReport Report => Services.GetRequiredService<SagaRecoveryStatus>().Current;

    /// <summary>A token that is cancelled when the process learns that it is fenced.</summary>
    public CancellationToken Fenced => Coordinator.Fenced;

    private SagaStarts Starts => Services.GetRequiredService<SagaStarts>();

    private SagaCoordinator Coordinator => Services.GetRequiredService<SagaCoordinator>();

    /// <summary>Holds the next step of this kind in this process.</summary>
    /// <inheritdoc cref="StepGates.Hold" path="/param" />
    public HeldStep Hold(SimulatedStep step, SagaId? sagaId = null) => _gates.Hold(step, sagaId);

    /// <summary>Requests a pass and waits until it completes.</summary>
    public Task<PassReport> ActivateAsync(CancellationToken cancellationToken = default) =>
        Services.GetRequiredService<SagaRecoveryTrigger>().ActivateAsync(cancellationToken);

    /// <summary>Waits until the process has joined, and announces a saga that it is about to start.</summary>
    public async Task<SimulatedStart> AnnounceAsync(SagaId sagaId, CancellationToken cancellationToken = default)
    {
        Membership member = await Coordinator.JoinedAsync(cancellationToken).ConfigureAwait(false);
        return new SimulatedStart(Starts.Announce(sagaId), _store, member, Executor);
    }

    /// <summary>Starts a saga: announces it, inserts its row, starts its run and confirms the start.</summary>
    /// <exception cref="InvalidOperationException">A saga with this id exists.</exception>
    public async Task StartSagaAsync(SagaId sagaId, CancellationToken cancellationToken = default)
    {
        using SimulatedStart start = await AnnounceAsync(sagaId, cancellationToken).ConfigureAwait(false);
        if (!await start.InsertAsync(cancellationToken).ConfigureAwait(false))
        {
            throw new InvalidOperationException($"Saga {sagaId} already exists.");
        }

        start.Run();
        start.Confirm();
    }

    /// <summary>Ends the run of a saga and writes its success to the log.</summary>
    /// <returns>True if the store accepted the write, false if this process no longer owns the saga.</returns>
    /// <exception cref="InvalidOperationException">The saga does not run in this process.</exception>
    /// <exception cref="CoordinatorFencedException">A newer process has joined.</exception>
    public async Task<bool> FinishAsync(SagaId sagaId, CancellationToken cancellationToken = default)
    {
        Membership member = await Coordinator.JoinedAsync(cancellationToken).ConfigureAwait(false);
        AdoptGeneration generation = Executor.End(sagaId);
        var end = new SagaLogEntry(sagaId, generation, [], SagaState.Succeeded);
        bool written = (await _store.AppendAsync(member, [end], cancellationToken).ConfigureAwait(false))[0];
        Starts.ReportCapacity(); // a saga that waits for a slot may be resumed now
        return written;
    }

    /// <summary>Ends the run of a saga and reports it to recovery as interrupted.</summary>
    /// <exception cref="InvalidOperationException">The saga does not run in this process.</exception>
    public void ReportInterrupted(SagaId sagaId) => Starts.ReportInterrupted(sagaId, Executor.End(sagaId));

    /// <summary>Kills the process, as SIGKILL does. From now on it has no visible effect and gets no result.</summary>
    public void Kill()
    {
        _gates.Kill();
        _killed = true;
    }

    /// <summary>Shuts the host down. A killed process is disposed without a graceful shutdown.</summary>
    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(new CancellationToken(canceled: _killed)).ConfigureAwait(false);
        _host.Dispose();
    }
}
