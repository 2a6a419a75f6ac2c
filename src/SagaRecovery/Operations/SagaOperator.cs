using System.Diagnostics.CodeAnalysis;
using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Operations;

/// <summary>The operator actions of this process, and its answers to an operator's questions about sagas and passes.</summary>
/// <remarks>
/// The log, the store and the status record every action with its actor and its reason. A singleton; thread-safe. Exceptions come from the
/// store, such as <see cref="NotSupportedException"/> from a store without operator actions, or <see cref="IncompatibleStoreException"/> while
/// this process cannot work with it.
/// </remarks>
public sealed partial class SagaOperator
{
    private readonly ISagaOperations _operations;
    private readonly ISagaCluster _cluster;
    private readonly ISagaDefinitions _definitions;
    private readonly ISagaProblems _problems;
    private readonly ISagaControls _controls;
    private readonly ISagaExecutor _executor;
    private readonly SagaTracker _tracker;
    private readonly SagaCoordinator _coordinator;
    private readonly SagaRecoveryStatus _status;
    private readonly RecoveryWakeups _wakeups;
    private readonly OperatorActionLog _operatorActionLog;
    private readonly SteadyTimeProvider _time;
    private readonly CountCache _counts;
    private readonly RunNotifier _notifier;

    internal SagaOperator(
        ISagaOperations operations,
        ISagaCluster cluster,
        ISagaDefinitions definitions,
        ISagaProblems problems,
        ISagaControls controls,
        ISagaExecutor executor,
        SagaTracker tracker,
        SagaCoordinator coordinator,
        SagaRecoveryStatus status,
        RecoveryWakeups wakeups,
        OperatorActionLog operatorActionLog,
        RunNotifier notifier,
        SteadyTimeProvider time)
    {
        _notifier = notifier;
        _operations = operations;
        _cluster = cluster;
        _definitions = definitions;
        _problems = problems;
        _controls = controls;
        _executor = executor;
        _tracker = tracker;
        _coordinator = coordinator;
        _status = status;
        _wakeups = wakeups;
        _operatorActionLog = operatorActionLog;
        _time = time;
        _counts = new CountCache(operations, time);
    }

    /// <summary>The queries about all sagas and coordinators on the store.</summary>
    public ISagaOperations Store => _operations;

    /// <summary>The coordinators on the store, and the operations that move sagas between them.</summary>
    public ISagaCluster Cluster => _cluster;

    /// <summary>The queries about the definitions on the store.</summary>
    public ISagaDefinitions Definitions => _definitions;

    /// <summary>Returns the numbers of sagas on the store. Recent ones serve all callers of this process for some seconds.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="SearchTimeoutException">The count took too long.</exception>
    public Task<SagaCounts> CountAsync(CancellationToken cancellationToken = default) => _counts.GetAsync(cancellationToken);

    private ReassignAction ReassignAction => new(_operations, _cluster, _time);

    /// <summary>Explains why a saga runs in this process, or why it does not.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The explanation.</returns>
    /// <remarks>Queries the store once and does not wait for a pass.</remarks>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in a required parameter, the redactor.")]
    public Task<SagaExplanation> ExplainAsync(SagaId sagaId, CancellationToken cancellationToken = default) =>
        ExplainAsync(sagaId, redactor: null, cancellationToken);

    /// <summary>Explains why a saga runs in this process, or why it does not, with redacted errors.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="redactor">The redactor of the errors in the explanation; null to leave them as they are.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <inheritdoc cref="ExplainAsync(SagaId, CancellationToken)" path="/returns|/remarks" />
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in a required parameter, the redactor.")]
    public async Task<SagaExplanation> ExplainAsync(SagaId sagaId, ISagaRedactor? redactor, CancellationToken cancellationToken = default)
    {
        // Read the row first. In the other order a saga that starts in between would look like one that this process does not know.
        _coordinator.ThrowIfIncompatible();
        SagaDetails? row = await _operations.FindAsync(sagaId, cancellationToken).ConfigureAwait(false);
        TrackedSagaInfo known = _tracker.Observe(sagaId, _time.Now);
        var evidence = new SagaEvidence(sagaId, row, known, _coordinator.Status, row?.Owner?.Paused)
        {
            Run = _executor.FindRun(sagaId),
            SlotLimit = known.Slot is { } wait ? _executor.DescribeSlotLimit(wait.Definition) : null,
            Now = _time.Now,
            Redactor = redactor,
        };
        return SagaVerdicts.Judge(evidence);
    }

    /// <summary>Returns what an explicit pass would do now, without doing it. Waits for a pass under way.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="InvalidOperationException">
    /// Recovery has stopped, because the process is shutting down; or it has not joined yet, or has to join again, which only a pass does.
    /// </exception>
    /// <exception cref="SearchTimeoutException">Too many sagas are unfinished to list them in the time of a query.</exception>
    /// <remarks>Changes nothing on the store. Concurrent callers share one plan.</remarks>
    public Task<RecoveryPlanReport> DryRunAsync(CancellationToken cancellationToken = default) => _wakeups.RequestDryRunAsync(cancellationToken);

    /// <summary>Pauses recovery of this coordinator: its passes resume no sagas until the pause ends.</summary>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    /// <remarks>The pause outlasts restarts. Running sagas continue, and new sagas start.</remarks>
    public Task PauseAsync(OperatorNote note, CancellationToken cancellationToken = default) =>
        PerformAsync(() => _operations.PauseAsync(_coordinator.Id, note, cancellationToken), cancellationToken);

    /// <summary>Ends the pause of this coordinator and requests a pass.</summary>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    public async Task ResumeAsync(OperatorNote note, CancellationToken cancellationToken = default)
    {
        await PerformAsync(
            () => _operations.ResumeAsync(_coordinator.Id, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        _wakeups.Request(PassReason.OperatorAction);
    }

    /// <summary>Holds a saga in progress: recovery does not resume it until it is released. A present run continues.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    public Task<OperatorActionResult> HoldAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken = default) =>
        PerformAsync(() => _operations.HoldAsync(sagaId, note, cancellationToken), cancellationToken);

    /// <summary>Holds a saga in progress, and stops a present run once its steps in flight have ended.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    public Task<OperatorActionResult> SuspendAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken = default) => RequestOfRunAsync(
        () => _operations.SuspendAsync(sagaId, note, cancellationToken),
        () => _notifier.NotifyAsync(new SagaAction(OperatorActionKind.Hold, note) { StopRun = true }, [sagaId]),
        cancellationToken);

    /// <summary>Cancels a running saga: its owner unwinds it.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action, not the saga.</param>
    public Task<OperatorActionResult> CancelAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken = default) => RequestOfRunAsync(
        () => _operations.CancelAsync(sagaId, note, cancellationToken),
        () => _notifier.NotifyAsync(new SagaAction(OperatorActionKind.Cancel, note), [sagaId]),
        cancellationToken);

    /// <summary>Releases a held saga and requests a pass.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    public async Task<OperatorActionResult> ReleaseAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken = default)
    {
        OperatorActionResult outcome = await PerformAsync(
            () => _operations.ReleaseAsync(sagaId, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        return RequestPass(outcome);
    }

    /// <summary>Ends the delay of a saga that failed to resume, and requests a pass. For any other saga it only requests the pass.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    public async Task<OperatorActionResult> RetryAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken = default)
    {
        OperatorActionResult outcome = await PerformAsync(
            () => _operations.RecordRetryAsync(sagaId, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        _tracker.MakeDue(sagaId, _time.Now);
        return RequestPass(outcome);
    }

    /// <summary>Abandons a saga in progress permanently and stops its run in this process.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="condition">The conditions under which to act.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    /// <remarks>
    /// If another process owns the saga and answers, the action is refused, unless the condition sets
    /// <see cref="OperatorActionCondition.EvenIfOwnerAnswers"/>.
    /// </remarks>
    public async Task<OperatorActionResult> AbandonAsync(
        SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken = default)
    {
        OperatorActionCondition allowed = await AllowIfOwnAsync(sagaId, condition, cancellationToken).ConfigureAwait(false);
        OperatorActionResult outcome = await PerformAsync(
            () => _operations.AbandonAsync(sagaId, allowed, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        if (outcome is OperatorActionResult.Done)
        {
            await _notifier.NotifyAsync(new SagaAction(OperatorActionKind.Abandon, note), [sagaId]).ConfigureAwait(false);
        }

        return RequestPass(outcome);
    }

    /// <summary>Injects an error into a node whose action has started and not ended, so that the saga unwinds, and requests a pass.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="node">The name of the node.</param>
    /// <param name="condition">The conditions under which to act.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    /// <inheritdoc cref="AbandonAsync" path="/remarks" />
    public async Task<OperatorActionResult> InjectErrorAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken = default)
    {
        OperatorActionCondition allowed = await AllowIfOwnAsync(sagaId, condition, cancellationToken).ConfigureAwait(false);
        OperatorActionResult outcome = await PerformAsync(
            () => _operations.InjectErrorAsync(sagaId, node, allowed, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        return RequestPass(outcome);
    }

    /// <summary>Returns a stuck saga to unwinding, so that its failed undos run again, and requests a pass.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="condition">The conditions under which to act. The owner may answer, since no process runs a stuck saga.</param>
    /// <param name="note">The actor and the reason. The recorded reason also names the undos that had failed, with their errors.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    public async Task<OperatorActionResult> RetryUndoAsync(
        SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken = default)
    {
        OperatorActionResult outcome = await PerformAsync(
            () => _operations.RetryUndoAsync(sagaId, condition, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        return RequestPass(outcome);
    }

    /// <summary>
    /// Marks an undo as done, because an operator did it manually, and requests a pass: an undo that failed, so that its saga is stuck, or one in
    /// flight. The saga then unwinds.
    /// </summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="node">The name of the node.</param>
    /// <param name="condition">The conditions under which to act.</param>
    /// <param name="note">The actor and the reason. The recorded reason also has the error of an undo that failed.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    /// <remarks>
    /// If another undo had failed as well, the saga is stuck again at once. No process runs a stuck saga, so its owner may answer; an undo in
    /// flight of another process that answers is skipped only if the condition sets <see cref="OperatorActionCondition.EvenIfOwnerAnswers"/>.
    /// </remarks>
    public async Task<OperatorActionResult> SkipUndoAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken = default)
    {
        OperatorActionCondition allowed = await AllowIfOwnAsync(sagaId, condition, cancellationToken).ConfigureAwait(false);
        OperatorActionResult outcome = await PerformAsync(
            () => _operations.SkipUndoAsync(sagaId, node, allowed, note, cancellationToken), cancellationToken).ConfigureAwait(false);
        return RequestPass(outcome);
    }

    /// <summary>Reassigns the unfinished sagas of one coordinator to others.</summary>
    /// <param name="reassignment">The owner, the recipients and the conditions.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the reassignment. Sagas that have moved keep their new owner.</param>
    /// <returns>The outcome, with a receipt for each recipient.</returns>
    /// <exception cref="ArgumentException">The reassignment names no recipients, or names the owner as one.</exception>
    /// <remarks>
    /// Each saga goes to a recipient that can run it, in even shares, and the recipients begin to recover their shares at once. The action is
    /// refused while the owner answers, unless <see cref="Reassignment.EvenIfOwnerAnswers"/> is set. To wait for the recovery, pass the
    /// receipts to <see cref="ISagaCluster.WaitUntilCaughtUpAsync"/>.
    /// </remarks>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in their required parameters: the token makes no call ambiguous.")]
    public async Task<ReassignOutcome> ReassignAsync(Reassignment reassignment, OperatorNote note, CancellationToken cancellationToken = default)
    {
        EnsureMayAct();
        ReassignOutcome outcome = await _cluster.ReassignAsync(reassignment, note, cancellationToken).ConfigureAwait(false);
        if (outcome is ReassignOutcome.Done)
        {
            await PublishClusterAsync(cancellationToken).ConfigureAwait(false);
        }

        return outcome;
    }

    /// <summary>Reassigns the unfinished sagas of one coordinator on behalf of a remote caller.</summary>
    /// <param name="from">The owner; null for unowned sagas.</param>
    /// <param name="request">The recipients and the conditions. It may omit the recipients, and must not name the owner as one.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the reassignment. Sagas that have moved keep their new owner.</param>
    /// <returns>The outcome, also as a sentence.</returns>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in their required parameters: the token makes no call ambiguous.")]
    public async Task<ReassignResponse> ReassignAsync(
        CoordinatorId? from, ReassignRequest request, OperatorNote note, CancellationToken cancellationToken = default)
    {
        EnsureMayAct();
        ReassignResponse answer = await ReassignAction.PerformAsync(from, request, note, cancellationToken).ConfigureAwait(false);
        if (answer.Result == OperatorActionStatus.Done)
        {
            await PublishClusterAsync(cancellationToken).ConfigureAwait(false);
        }

        return answer;
    }

    /// <summary>Waits until the recipients of a reassignment have recovered their sagas, or the time limit has passed.</summary>
    /// <param name="answer">The response of the reassignment.</param>
    /// <param name="longest">The time limit.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The response, with the recipients that have caught up, or with a message that they have not.</returns>
    public Task<ReassignResponse> WaitUntilCaughtUpAsync(ReassignResponse answer, TimeSpan longest, CancellationToken cancellationToken = default) =>
        ReassignAction.WaitAsync(answer, longest, cancellationToken);

    /// <summary>Drops the condition that the owner must not answer if this process is the owner.</summary>
    private async Task<OperatorActionCondition> AllowIfOwnAsync(SagaId sagaId, OperatorActionCondition condition, CancellationToken cancellationToken)
    {
        EnsureMayAct();
        SagaDetails? row = await _operations.FindAsync(sagaId, cancellationToken).ConfigureAwait(false);
        bool isOwn = row?.Summary.Owner == _coordinator.Id && !_coordinator.Fenced.IsCancellationRequested;
        return isOwn ? condition with { EvenIfOwnerAnswers = true } : condition;
    }

    /// <summary>Stores a request for the run of a saga, and notifies a run in this process. A pass notifies one that is just beginning here.</summary>
    private async Task<OperatorActionResult> RequestOfRunAsync(
        Func<Task<OperatorActionResult>> store, Func<Task> notify, CancellationToken cancellationToken)
    {
        try
        {
            OperatorActionResult outcome = await PerformAsync(store, cancellationToken).ConfigureAwait(false);
            if (outcome is OperatorActionResult.Done)
            {
                await notify().ConfigureAwait(false);
            }

            return outcome;
        }
        finally
        {
            _wakeups.Request(PassReason.OperatorAction); // also if the answer of the store was lost
        }
    }

    private OperatorActionResult RequestPass(OperatorActionResult outcome)
    {
        if (outcome is OperatorActionResult.Done)
        {
            _wakeups.Request(PassReason.OperatorAction);
        }

        return outcome;
    }

    private async Task PerformAsync(Func<Task> perform, CancellationToken cancellationToken)
    {
        EnsureMayAct();
        await perform().ConfigureAwait(false);
        await PublishControlsAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<OperatorActionResult> PerformAsync(Func<Task<OperatorActionResult>> perform, CancellationToken cancellationToken)
    {
        EnsureMayAct();
        OperatorActionResult outcome = await perform().ConfigureAwait(false);
        if (outcome is OperatorActionResult.Done)
        {
            await PublishControlsAsync(cancellationToken).ConfigureAwait(false);
        }

        return outcome;
    }

    /// <summary>Refuses an action before anything is done. The status of a fenced process is no longer true, and a newer process answers for it.</summary>
    private void EnsureMayAct()
    {
        _coordinator.ThrowIfIncompatible();
        _coordinator.ThrowIfFenced();
    }
}
