using Microsoft.Extensions.Options;
using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Execution;

/// <summary>
/// Where every saga that this process starts is announced, <em>before its row is inserted</em>, so that recovery does not take it for
/// one that nobody runs:
/// <code>
/// await using SagaStart start = starts.Announce(sagaId);
/// AdoptGeneration generation = await InsertRowAsync(sagaId);
/// start.Created(generation);
/// </code>
/// Announcing one id twice is harmless. Nothing here blocks. Thread-safe.
/// </summary>
public sealed class SagaStarts
{
    private readonly StartInbox _inbox;
    private readonly SagaCoordinator _coordinator;
    private readonly RecoveryWakeups _wakeups;
    private readonly int _maxUnread;
    private volatile string? _closed; // because

    internal SagaStarts(StartInbox inbox, SagaCoordinator coordinator, RecoveryWakeups wakeups, IOptions<SagaRecoveryOptions> options)
    {
        _inbox = inbox;
        _coordinator = coordinator;
        _wakeups = wakeups;
        _maxUnread = options.Value.MaxUnreadStarts;
    }

    /// <summary>Announcements and their follow-ups that no pass has read yet.</summary>
    public int Unread => _inbox.Unread;

    /// <summary>Says that this process is about to insert the row of a saga and to run it.</summary>
    /// <returns>The start; dispose it. Disposed without <see cref="SagaStart.Created"/>, it is withdrawn.</returns>
    /// <exception cref="SagaStartRefusedException">A drain or shutdown has begun: nothing was started.</exception>
    /// <exception cref="CoordinatorFencedException">A newer process runs under this coordinator id: nothing was started.</exception>
    public SagaStart Announce(SagaId sagaId)
    {
        _coordinator.ThrowIfFenced();
        if (_closed is { } because)
        {
            throw new SagaStartRefusedException(sagaId, because);
        }

        StartLease lease = _inbox.Announce(sagaId);
        if (_inbox.Unread >= _maxUnread)
        {
            _wakeups.Request(PassReason.UnreadStarts);
        }

        return new SagaStart(_inbox, _wakeups, lease);
    }

    /// <summary>
    /// For executors: says that the run of an unfinished saga, which nobody took away, is over. A pass that begins in a moment notes it,
    /// and the saga is recovered after the delay of one that failed.
    /// </summary>
    public void ReportInterrupted(SagaId sagaId, AdoptGeneration generation)
    {
        _inbox.ReportInterrupted(sagaId, generation);
        _wakeups.RequestSoon(PassReason.InterruptedRun);
    }

    /// <summary>
    /// For executors: says that the run of a saga is over in this process: its last event is in the store, or the store has refused it. If
    /// the database loses that end, or the change of owner for which it refused, the next pass recovers the saga; without this word it
    /// would take it for one that still runs here.
    /// </summary>
    public void End(SagaId sagaId, AdoptGeneration generation) => _inbox.End(sagaId, generation);

    internal void Close(string because) => _closed = because;
}

/// <summary>One start of a saga, from its announcement until its row is committed or the start is withdrawn. Not thread-safe.</summary>
public sealed class SagaStart : IAsyncDisposable, IDisposable
{
    private readonly StartInbox _inbox;
    private readonly RecoveryWakeups _wakeups;
    private readonly StartLease _lease;
    private bool _ended;

    internal SagaStart(StartInbox inbox, RecoveryWakeups wakeups, StartLease lease)
    {
        _inbox = inbox;
        _wakeups = wakeups;
        _lease = lease;
    }

    /// <summary>The saga being started.</summary>
    public SagaId SagaId => _lease.SagaId;

    /// <summary>Says that the row is committed and that this process runs the saga.</summary>
    /// <param name="generation">The generation that the row carries.</param>
    /// <exception cref="InvalidOperationException">It was said before, or the start has been disposed.</exception>
    public void Created(AdoptGeneration generation)
    {
        if (_ended)
        {
            throw new InvalidOperationException($"The start of saga {SagaId} has ended already.");
        }

        _ended = true;
        _inbox.Confirm(_lease, generation);
    }

    /// <summary>
    /// Withdraws the start unless it was <see cref="Created"/>. If its row landed after all, as when the answer to a commit was lost,
    /// a pass that begins in a moment finds it and recovers it.
    /// </summary>
    public void Dispose()
    {
        if (!_ended)
        {
            _ended = true;
            _inbox.Withdraw(_lease);
            _wakeups.RequestSoon(PassReason.WithdrawnStart);
        }
    }

    /// <inheritdoc cref="Dispose" />
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}
