using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The queries and operator actions that any process can run against the store.</summary>
/// <remarks>
/// Every change to a saga is fenced like a write of an executor: it must wait for writes of the owner that are under way, and must make
/// later ones fail. Implementations must be thread-safe.
/// </remarks>
public interface ISagaOperations
{
    /// <summary>Reads the details of one saga.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The details; null if no saga has this id.</returns>
    Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken);

    /// <summary>Lists sagas by the time of their insertion, newest first.</summary>
    /// <param name="filter">The filter and the page size.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <exception cref="SearchTimeoutException">The filter took too long, because few sagas match among very many.</exception>
    /// <remarks>Sagas with the same time are listed by id, in descending order.</remarks>
    Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken);

    /// <summary>Counts the sagas in progress by name, owner and state.</summary>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <exception cref="SearchTimeoutException">The count took too long.</exception>
    Task<IReadOnlyList<SagaCount>> CountAsync(CancellationToken cancellationToken);

    /// <summary>Estimates how many sagas the store has, without reading them all.</summary>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The numbers. A store that does not implement this returns <see cref="SagaEstimate.Unknown"/>.</returns>
    /// <exception cref="SearchTimeoutException">The count took too long.</exception>
    Task<SagaEstimate> EstimateAsync(CancellationToken cancellationToken) => Task.FromResult(SagaEstimate.Unknown);

    /// <summary>Finds what an id or another text identifies: sagas, coordinators, definitions, start keys, tags and operator actions.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The matches, a bounded number; empty if the text identifies nothing.</returns>
    /// <exception cref="SearchTimeoutException">The search took too long.</exception>
    /// <remarks>A store that does not implement this finds sagas and coordinators by their ids.</remarks>
    Task<IReadOnlyList<IdMatch>> IdentifyAsync(string text, CancellationToken cancellationToken) => IdMatch.FindByIdAsync(this, text, cancellationToken);

    /// <summary>Lists every coordinator that has ever joined, by id.</summary>
    /// <param name="cancellationToken">Cancels the query.</param>
    Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken);

    /// <summary>Pauses recovery of a coordinator: its passes resume no sagas. A repeated call is harmless.</summary>
    /// <param name="coordinator">The coordinator.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    Task PauseAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Ends the pause of a coordinator. A repeated call is harmless.</summary>
    /// <param name="coordinator">The coordinator.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    Task ResumeAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Holds a saga in progress: no owner resumes it until it is released. A present run continues.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="note">The actor and the reason. A repeated call replaces the note.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    Task<OperatorActionResult> HoldAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Holds a saga in progress and stops its present run, once the steps in flight have ended.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="note">The actor and the reason. A repeated call replaces the note.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    Task<OperatorActionResult> SuspendAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Requests the cancellation of a running saga. Its owner unwinds it.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action, not the saga.</param>
    /// <remarks>
    /// From then on the store refuses the success of the saga: either it had succeeded before, and the request is refused, or it unwinds. The
    /// request is refused, too, if the saga unwinds already or if its cancellation was requested before.
    /// </remarks>
    Task<OperatorActionResult> CancelAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Releases a held saga.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    Task<OperatorActionResult> ReleaseAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Runs an operator action on many sagas, each under the rules of the action on one.</summary>
    /// <param name="action">The action.</param>
    /// <param name="sagas">The sagas. A bounded batch: a few hundred.</param>
    /// <param name="cancellationToken">Cancels the action. Some sagas may be changed by then.</param>
    /// <returns>One result for each saga, in order.</returns>
    /// <remarks>A store that does not implement this runs the actions one by one. A repeat is harmless: what was done is refused then.</remarks>
    Task<IReadOnlyList<OperatorActionResult>> PerformAsync(SagaAction action, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken) =>
        action.PerformOneByOneAsync(this, sagas, cancellationToken);

    /// <summary>Records the request to retry a saga now. The process of its owner performs the retry.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    Task<OperatorActionResult> RecordRetryAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Abandons a saga in progress permanently.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="condition">The conditions under which to act.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    Task<OperatorActionResult> AbandonAsync(SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Revokes all present joins: running processes are fenced, and join again when they are restarted.</summary>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    /// <returns>The number of coordinators whose join was revoked.</returns>
    /// <remarks>Use it on a database that was restored from a backup or moved to another server, before the service starts on it.</remarks>
    Task<int> RevokeJoinsAsync(OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Injects an error into a node whose action has started and not ended, so that the saga unwinds.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="node">The name of the node.</param>
    /// <param name="condition">The conditions under which to act.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    /// <remarks>
    /// Raises the adopt generation of the saga. That fences a present run, and the next pass of the owner resumes the saga from the changed
    /// log.
    /// </remarks>
    Task<OperatorActionResult> InjectErrorAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Returns a stuck saga to unwinding, so that its failed undos run again.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="condition">
    /// The conditions under which to act. The owner may answer: a stuck saga has no run that it could disturb.
    /// </param>
    /// <param name="note">The actor and the reason. The recorded reason also names the undos that had failed, with their errors.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    /// <remarks>
    /// Removes the failures of the undos from the log and raises the adopt generation. The next pass of the owner resumes the saga. A saga
    /// without an owner becomes an unowned saga in progress, which has to be reassigned.
    /// </remarks>
    Task<OperatorActionResult> RetryUndoAsync(
        SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>
    /// Marks an undo as done, because an operator did it manually: an undo that failed, so that its saga is stuck, or one in flight. The saga
    /// then unwinds.
    /// </summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="node">The name of the node.</param>
    /// <param name="condition">
    /// The conditions under which to act. The owner of a stuck saga may answer, since the saga has no run that the action could disturb.
    /// </param>
    /// <param name="note">The actor and the reason. The recorded reason also has the error of an undo that failed.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    /// <remarks>
    /// Removes a failure of the undo, adds its end with the note as data, and raises the adopt generation. The next pass of the owner
    /// resumes the saga. If another undo had failed as well, the saga is stuck again at once.
    /// </remarks>
    Task<OperatorActionResult> SkipUndoAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken);
}

/// <summary>The conditions under which a destructive operator action takes effect.</summary>
public sealed record OperatorActionCondition
{
    /// <summary>No condition besides the default rule: the owner of the saga must not answer.</summary>
    public static OperatorActionCondition None { get; } = new();

    /// <summary>A value indicating whether to act although the owner answers.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    /// <remarks>Acting is safe, because the owner is fenced. Prefer to run the action in the process of the owner.</remarks>
    public bool EvenIfOwnerAnswers { get; init; }

    /// <summary>The state in which the operator saw the saga.</summary>
    /// <value>The default is <see langword="null"/>: any state.</value>
    public SagaState? State { get; init; }

    /// <summary>The generation at which the operator saw the saga.</summary>
    /// <value>The default is <see langword="null"/>: any generation.</value>
    public AdoptGeneration? Generation { get; init; }
}

/// <summary>The result of an operator action on a saga.</summary>
public abstract record OperatorActionResult
{
    private OperatorActionResult()
    {
    }

    /// <summary>The action took effect and was recorded.</summary>
    public sealed record Done : OperatorActionResult
    {
        /// <summary>The only instance.</summary>
        public static Done Instance { get; } = new();
    }

    /// <summary>No saga has this id.</summary>
    public sealed record NoSuchSaga : OperatorActionResult
    {
        /// <summary>The only instance.</summary>
        public static NoSuchSaga Instance { get; } = new();
    }

    /// <summary>Nothing was done: the action does not apply to the saga as it is now.</summary>
    /// <param name="Present">The saga as it is now.</param>
    /// <param name="Reason">The obstacle, as a clause for operators.</param>
    public sealed record Superseded(SagaSummary Present, string Reason) : OperatorActionResult
    {
        /// <summary>A value indicating whether the saga is already as the action would make it, such as cancelled.</summary>
        public bool IsAlreadyDone { get; init; }
    }

    /// <summary>Nothing was done: the owner of the saga answers and could act itself.</summary>
    /// <param name="Owner">The owner.</param>
    public sealed record OwnerAnswers(CoordinatorDetails Owner) : OperatorActionResult;
}
