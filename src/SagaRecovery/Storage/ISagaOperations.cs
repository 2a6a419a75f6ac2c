using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>
/// What operators can ask of the store and do to it, from any process. Whatever changes a saga is fenced as an executor's write is: it
/// waits for the owner's writes under way, and refuses those that come later. Implementations are thread-safe.
/// </summary>
public interface ISagaOperations
{
    /// <summary>All that there is to see of one saga; null: there is none with this id.</summary>
    Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken);

    /// <summary>Sagas, newest first.</summary>
    Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken);

    /// <summary>How many sagas of which name and owner stand in which state.</summary>
    Task<IReadOnlyList<SagaCount>> CountAsync(CancellationToken cancellationToken);

    /// <summary>Every coordinator that ever joined, by id.</summary>
    Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken);

    /// <summary>Keeps the passes of a coordinator from handing sagas over; again is harmless.</summary>
    Task PauseAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Ends a pause; again is harmless.</summary>
    Task ResumeAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Keeps one saga in progress from being handed over, whoever owns it; a run of it goes on. Again renews the note.</summary>
    Task<OperatorActionResult> HoldAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Ends a hold.</summary>
    Task<OperatorActionResult> ReleaseAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Writes down that a saga was made due. That it is tried is the owner's process's doing.</summary>
    Task<OperatorActionResult> RecordRetryAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Sets a saga in progress aside for good.</summary>
    Task<OperatorActionResult> AbandonAsync(SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>
    /// Makes every join up to now worthless: processes that run are fenced, and join anew when they are started again. For a database that
    /// was restored from a backup or moved to another server, before the service is started on it.
    /// </summary>
    /// <returns>How many coordinators that concerns.</returns>
    Task<int> RevokeJoinsAsync(OperatorNote note, CancellationToken cancellationToken);

    /// <summary>
    /// Makes a node fail whose action has started and not ended, so that the saga unwinds. Raises the saga's adopt generation: a run of
    /// it is fenced, and its owner's next pass recovers it from the changed log.
    /// </summary>
    Task<OperatorActionResult> InjectErrorAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken);
}

/// <summary>What has to be so for a destructive lever to be pulled.</summary>
public sealed record OperatorActionCondition
{
    /// <summary>Nothing but the rule: its owner does not answer.</summary>
    public static OperatorActionCondition None { get; } = new();

    /// <summary>Pull it although the owner answers. Safe, because it is fenced; rude, because the owner could do it itself.</summary>
    public bool EvenIfOwnerAnswers { get; init; }

    /// <summary>The state in which the operator saw it; null: any.</summary>
    public SagaState? State { get; init; }

    /// <summary>The generation at which the operator saw it; null: any.</summary>
    public AdoptGeneration? Generation { get; init; }
}

/// <summary>What became of a lever.</summary>
public abstract record OperatorActionResult
{
    private OperatorActionResult()
    {
    }

    /// <summary>It was pulled, and stands in the record of levers.</summary>
    public sealed record Done : OperatorActionResult
    {
        /// <summary>The one instance.</summary>
        public static Done Instance { get; } = new();
    }

    /// <summary>There is no saga with this id.</summary>
    public sealed record NoSuchSaga : OperatorActionResult
    {
        /// <summary>The one instance.</summary>
        public static NoSuchSaga Instance { get; } = new();
    }

    /// <summary>The saga is not, or no longer, where this lever would move it.</summary>
    /// <param name="Present">How it is now.</param>
    /// <param name="Why">What is in the way.</param>
    public sealed record Superseded(SagaSummary Present, string Why) : OperatorActionResult;

    /// <summary>Its owner answers, and could do it itself.</summary>
    /// <param name="Owner">Who that is.</param>
    public sealed record OwnerAnswers(CoordinatorDetails Owner) : OperatorActionResult;
}
