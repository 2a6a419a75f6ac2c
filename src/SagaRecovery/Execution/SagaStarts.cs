using Microsoft.Extensions.Options;
using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Execution;

/// <summary>The registry of the sagas that this process starts.</summary>
/// <remarks>
/// <para>
/// Announce every saga <em>before its row is inserted</em>. Otherwise a pass can find the row, take the saga for an orphan, and run it a
/// second time. <c>SagaClient</c> of the durable executor does so for its sagas.
/// </para>
/// <para>No member blocks. A repeated announcement of one id is harmless. A singleton; thread-safe.</para>
/// </remarks>
/// <example>
/// <code>
/// await using SagaStart start = starts.Announce(sagaId);
/// AdoptGeneration generation = await InsertRowAsync(sagaId);
/// start.Confirm(generation);
/// </code>
/// </example>
public sealed class SagaStarts
{
    private readonly StartInbox _inbox;
    private readonly SagaCoordinator _coordinator;
    private readonly RecoveryWakeups _wakeups;
    private readonly int _maxUnread;
    private volatile string? _closedBy; // "draining", for the exception

    internal SagaStarts(StartInbox inbox, SagaCoordinator coordinator, RecoveryWakeups wakeups, IOptions<SagaRecoveryOptions> options)
    {
        _inbox = inbox;
        _coordinator = coordinator;
        _wakeups = wakeups;
        _maxUnread = options.Value.MaxUnreadStarts;
    }

    /// <summary>The number of announcements, and reports about them, that no pass has read yet.</summary>
    public int Unread => _inbox.Unread;

    /// <summary>Announces that this process is about to insert the row of a saga and to run it.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <returns>The start. Dispose it: without a call of <see cref="SagaStart.Confirm"/>, that withdraws the announcement.</returns>
    /// <exception cref="ArgumentException">The id is empty: the listing of sagas begins after it, so recovery would never find such a saga.</exception>
    /// <exception cref="SagaStartRefusedException">A drain or shutdown has begun. Nothing was started.</exception>
    /// <exception cref="CoordinatorFencedException">A newer process runs under this coordinator id. Nothing was started.</exception>
    public SagaStart Announce(SagaId sagaId)
    {
        ThrowIfRefused(sagaId);
        StartLease lease = _inbox.Announce(sagaId);
        if (_inbox.Unread >= _maxUnread)
        {
            _wakeups.Request(PassReason.UnreadStarts);
        }

        return new SagaStart(_inbox, _wakeups, lease);
    }

    /// <summary>Begins a start in a transaction of its caller. It is not announced: a pass would wait for a caller that never commits.</summary>
    /// <inheritdoc cref="Announce" path="/exception" />
    internal void BeginInTransaction(SagaId sagaId)
    {
        ThrowIfRefused(sagaId);
        _wakeups.ExpectsHints = true;
    }

    /// <summary>Throws if this process may not start a saga.</summary>
    internal void ThrowIfRefused(SagaId sagaId)
    {
        if (sagaId == default)
        {
            throw new ArgumentException("The id of a saga must not be empty. SagaId.NewAt() creates one.", nameof(sagaId));
        }

        _coordinator.ThrowIfFenced();
        if (_closedBy is { } activity)
        {
            throw new SagaStartRefusedException(sagaId, activity);
        }
    }

    /// <summary>Requests a pass, which delivers the requests in the store.</summary>
    internal void RequestPass() => _wakeups.Request(PassReason.OperatorAction);

    /// <summary>Reports that a run has ended before its saga finished, although this coordinator owns the saga.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="generation">The generation of the run.</param>
    /// <param name="reason">
    /// The reason with its cause, such as the message of an exception. Status, log and explanations show it until the saga runs again. Null for none.
    /// </param>
    /// <param name="isRequested">
    /// <see langword="true"/> if the run was stopped by <see cref="ISagaExecutor.SuspendAsync"/>. The default is <see langword="false"/>.
    /// </param>
    /// <remarks>
    /// For executors. Call it after the run has ended. A pass then schedules a retry with the delay of a failed saga. Unless the stop was
    /// requested, the run counts as failed, and a saga that recovery had resumed for it no longer counts as recovered.
    /// </remarks>
    public void ReportInterrupted(SagaId sagaId, AdoptGeneration generation, string? reason = null, bool isRequested = false)
    {
        _inbox.ReportInterrupted(sagaId, generation, reason is null ? null : PlainText.OneLine(reason, longest: 2_000), isRequested);
        _wakeups.RequestSoon(PassReason.InterruptedRun);
    }

    /// <summary>Reports that the run of a saga has ended: the store has its last event, or has refused a write of the run.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="generation">The generation of the run.</param>
    /// <remarks>
    /// For executors. If the database later loses that event, or the change of owner that caused the refusal, the next pass resumes the
    /// saga. Without this report the pass would take the saga for one that runs in this process.
    /// </remarks>
    public void ReportEnded(SagaId sagaId, AdoptGeneration generation) => _inbox.ReportEnded(sagaId, generation);

    /// <summary>Reports that the executor takes further sagas, so that those that wait for a slot are resumed.</summary>
    /// <remarks>
    /// For executors that implement <see cref="ISagaExecutor.GetCapacity"/>. Recovery then asks for the capacity soon. Reports in the meantime
    /// have no further effect.
    /// </remarks>
    public void ReportCapacity() => _wakeups.RequestRefill();

    internal void Close(string activity) => _closedBy = activity;
}

/// <summary>The start of one saga, from its announcement until its row is committed or the start is withdrawn. Not thread-safe.</summary>
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

    /// <summary>Reports that the row is committed and that this process runs the saga.</summary>
    /// <param name="generation">The generation in the row.</param>
    /// <exception cref="InvalidOperationException">The method was called before, or the start is disposed.</exception>
    public void Confirm(AdoptGeneration generation)
    {
        if (_ended)
        {
            throw new InvalidOperationException($"The start of saga {SagaId} was already confirmed or disposed.");
        }

        _ended = true;
        _inbox.Confirm(_lease, generation);
    }

    /// <summary>Withdraws the start unless <see cref="Confirm"/> was called.</summary>
    /// <remarks>If the row was committed all the same, as after a lost answer to the commit, a pass soon finds and resumes the saga.</remarks>
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
