using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>
/// What an operator can ask of this process and do with it: why a saga is not running, what a pass would do, and the levers. Every
/// lever that was pulled stands in the log, in the store and in the status, with who pulled it and why. A singleton; thread-safe.
/// </summary>
public sealed class SagaOperator
{
    private readonly ISagaOperations _operations;
    private readonly ISagaCluster _cluster;
    private readonly ISagaControls _controls;
    private readonly ISagaExecutor _executor;
    private readonly SagaTracker _tracker;
    private readonly SagaCoordinator _coordinator;
    private readonly SagaRecoveryStatus _status;
    private readonly RecoveryWakeups _wakeups;
    private readonly OperatorActionLog _operatorActionLog;
    private readonly TimeProvider _time;

    internal SagaOperator(
        ISagaOperations operations,
        ISagaCluster cluster,
        ISagaControls controls,
        ISagaExecutor executor,
        SagaTracker tracker,
        SagaCoordinator coordinator,
        SagaRecoveryStatus status,
        RecoveryWakeups wakeups,
        OperatorActionLog operatorActionLog,
        TimeProvider time)
    {
        _operations = operations;
        _cluster = cluster;
        _controls = controls;
        _executor = executor;
        _tracker = tracker;
        _coordinator = coordinator;
        _status = status;
        _wakeups = wakeups;
        _operatorActionLog = operatorActionLog;
        _time = time;
    }

    /// <summary>What the store has of sagas and coordinators, this process's and others'.</summary>
    public ISagaOperations Store => _operations;

    /// <summary>The coordinators on the store, and how sagas change their owner.</summary>
    public ISagaCluster Cluster => _cluster;

    private ReassignAction Reassigning => new(_operations, _cluster, _time);

    /// <summary>Says where one saga stands with regard to this process, and why. Asks the store once; waits for no pass.</summary>
    public async Task<SagaExplanation> ExplainAsync(SagaId sagaId, CancellationToken cancellationToken = default)
    {
        // The row first: whatever this process had to do with it before it was read, the tracker then knows.
        SagaDetails? row = await _operations.FindAsync(sagaId, cancellationToken).ConfigureAwait(false);
        TrackedSagaInfo known = _tracker.Observe(sagaId, _time.GetUtcNow());
        return SagaVerdicts.Judge(new SagaEvidence(sagaId, row, known, _coordinator.Status, row?.Owner?.Paused));
    }

    /// <summary>Says what an explicit pass would do now, and does nothing of it. Waits for a pass under way.</summary>
    /// <exception cref="InvalidOperationException">Recovery has stopped, because the process is shutting down.</exception>
    public Task<RecoveryPlanReport> DryRunAsync(CancellationToken cancellationToken = default) => _wakeups.RequestDryRunAsync(cancellationToken);

    /// <summary>Keeps passes of this coordinator from handing sagas over, over restarts, too. Sagas that run, and new ones, go on.</summary>
    public Task PauseAsync(OperatorNote note, CancellationToken cancellationToken = default) =>
        PerformAsync(() => _operations.PauseAsync(_coordinator.Id, note, cancellationToken), cancellationToken);

    /// <summary>Ends a pause, and activates a pass.</summary>
    public async Task ResumeAsync(OperatorNote note, CancellationToken cancellationToken = default)
    {
        await PerformAsync(() => _operations.ResumeAsync(_coordinator.Id, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        _wakeups.Request(PassReason.OperatorAction);
    }

    /// <summary>Keeps one saga in progress from being handed over; a run of it goes on.</summary>
    public Task<OperatorActionResult> HoldAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken = default) =>
        PerformAsync(() => _operations.HoldAsync(sagaId, note, cancellationToken), cancellationToken);

    /// <summary>Ends a hold, and activates a pass.</summary>
    public async Task<OperatorActionResult> ReleaseAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken = default)
    {
        OperatorActionResult outcome = await PerformAsync(() => _operations.ReleaseAsync(sagaId, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        return Activate(outcome);
    }

    /// <summary>Lets a saga whose hand-over failed be tried now, and activates a pass; for any other it only activates the pass.</summary>
    public async Task<OperatorActionResult> RetryAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken = default)
    {
        OperatorActionResult outcome = await PerformAsync(() => _operations.RecordRetryAsync(sagaId, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        _tracker.MakeDue(sagaId, _time.GetUtcNow());
        return Activate(outcome);
    }

    /// <summary>
    /// Sets a saga in progress aside for good, and stops its run here. One that another process owns is refused while that answers,
    /// unless the condition says otherwise.
    /// </summary>
    public async Task<OperatorActionResult> AbandonAsync(
        SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken = default)
    {
        OperatorActionCondition mine = await IfMineAsync(sagaId, condition, cancellationToken).ConfigureAwait(false);
        OperatorActionResult outcome = await PerformAsync(() => _operations.AbandonAsync(sagaId, mine, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        if (outcome is OperatorActionResult.Done && _tracker.Observe(sagaId, _time.GetUtcNow()).Run is { } run)
        {
            await _executor.RelinquishAsync(sagaId, run.Generation, cancellationToken).ConfigureAwait(false);
        }

        return outcome;
    }

    /// <summary>Makes a node fail whose action has started and not ended, so that the saga unwinds, and activates a pass.</summary>
    /// <inheritdoc cref="AbandonAsync" path="/remarks" />
    public async Task<OperatorActionResult> InjectErrorAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken = default)
    {
        OperatorActionCondition mine = await IfMineAsync(sagaId, condition, cancellationToken).ConfigureAwait(false);
        OperatorActionResult outcome = await PerformAsync(() => _operations.InjectErrorAsync(sagaId, node, mine, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        return Activate(outcome);
    }

    /// <summary>
    /// Gives one coordinator's unfinished sagas to others, evenly, and only to those that can run them; each picks them up at once. Refused
    /// while their owner answers, unless the order says otherwise. To wait until they are recovered, hand the receipts to
    /// <see cref="ISagaCluster.WaitUntilCaughtUpAsync"/>.
    /// </summary>
    public async Task<ReassignOutcome> ReassignAsync(Reassignment reassignment, OperatorNote note, CancellationToken cancellationToken = default)
    {
        ReassignOutcome outcome = await _cluster.ReassignAsync(reassignment, note, cancellationToken).ConfigureAwait(false);
        if (outcome is ReassignOutcome.Done)
        {
            await PublishClusterAsync(cancellationToken).ConfigureAwait(false);
        }

        return outcome;
    }

    /// <summary>The same as somebody asks for it from afar: who gets the sagas may be left out, and the answer is in words, too.</summary>
    /// <param name="from">Whose sagas; null: those that nobody owns.</param>
    /// <param name="request">To whom, and whether even if their owner answers. Must not name that among those that get them.</param>
    /// <param name="note">Who asks, and why.</param>
    /// <param name="cancellationToken">Gives up; what has moved stays where it is.</param>
    public async Task<ReassignResponse> ReassignAsync(
        CoordinatorId? from, ReassignRequest request, OperatorNote note, CancellationToken cancellationToken = default)
    {
        ReassignResponse answer = await Reassigning.PerformAsync(from, request, note, cancellationToken).ConfigureAwait(false);
        if (answer.Result == OperatorActionStatus.Done)
        {
            await PublishClusterAsync(cancellationToken).ConfigureAwait(false);
        }

        return answer;
    }

    /// <summary>Waits until those that got sagas have recovered them, but no longer than it is given.</summary>
    /// <returns>The answer, with who has caught up, or that they have not.</returns>
    public Task<ReassignResponse> WaitUntilCaughtUpAsync(ReassignResponse answer, TimeSpan longest, CancellationToken cancellationToken = default) =>
        Reassigning.WaitAsync(answer, longest, cancellationToken);

    /// <summary>Whose saga this process's own is may be asked of this process: it is the owner that would have to answer.</summary>
    private async Task<OperatorActionCondition> IfMineAsync(SagaId sagaId, OperatorActionCondition condition, CancellationToken cancellationToken)
    {
        SagaDetails? row = await _operations.FindAsync(sagaId, cancellationToken).ConfigureAwait(false);
        bool mine = row?.Summary.Owner == _coordinator.Id && !_coordinator.Fenced.IsCancellationRequested;
        return mine ? condition with { EvenIfOwnerAnswers = true } : condition;
    }

    private OperatorActionResult Activate(OperatorActionResult outcome)
    {
        if (outcome is OperatorActionResult.Done)
        {
            _wakeups.Request(PassReason.OperatorAction);
        }

        return outcome;
    }

    private async Task PerformAsync(Func<Task> perform, CancellationToken cancellationToken)
    {
        await perform().ConfigureAwait(false);
        await PrintAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<OperatorActionResult> PerformAsync(Func<Task<OperatorActionResult>> perform, CancellationToken cancellationToken)
    {
        OperatorActionResult outcome = await perform().ConfigureAwait(false);
        if (outcome is OperatorActionResult.Done)
        {
            await PrintAsync(cancellationToken).ConfigureAwait(false);
        }

        return outcome;
    }

    /// <summary>Nor does a warning of sagas that nobody runs stand until the next look, when they have just been given to somebody.</summary>
    private async Task PublishClusterAsync(CancellationToken cancellationToken)
    {
        await PrintAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<OwnedSagas> owned = await _cluster.CountUnfinishedAsync(cancellationToken).ConfigureAwait(false);
        _status.Update(ClusterDetails.Of(owned, _time.GetUtcNow()).ToReport());
    }

    /// <summary>Status and log show it now, not at the next pass.</summary>
    private async Task PrintAsync(CancellationToken cancellationToken)
    {
        if (_coordinator.Member is { } member)
        {
            RecoveryControls asked = await _controls.ReadControlsAsync(member, cancellationToken).ConfigureAwait(false);
            _operatorActionLog.Report(asked.RecentActions);
            _status.Asked(asked);
        }
    }
}
