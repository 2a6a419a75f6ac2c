using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The deletion of ended sagas by their age. A store implements it so that retention works on it.</summary>
/// <remarks>
/// Retention walks the ended sagas of a state from the oldest to the newest, and deletes what has expired in batches. Implementations must be
/// thread-safe. No call may wait for a writer of sagas, or make one wait for more than a moment.
/// </remarks>
public interface ISagaRetention
{
    /// <summary>Lists the stored definitions.</summary>
    /// <param name="cancellationToken">Cancels the query.</param>
    Task<IReadOnlyList<StoredDefinition>> ListDefinitionsAsync(CancellationToken cancellationToken);

    /// <summary>Estimates the number of ended sagas, without reading all of them.</summary>
    /// <param name="cancellationToken">Cancels the query.</param>
    Task<EndedSagas> EstimateEndedAsync(CancellationToken cancellationToken);

    /// <summary>Begins the turn of this process to delete a batch, unless another process has the turn.</summary>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <returns>The turn, which its disposal ends; null if another process has it.</returns>
    /// <remarks>
    /// Turns keep processes from exporting the same sagas side by side. The safety of a deletion does not depend on them, because a turn may be lost
    /// with its connection.
    /// </remarks>
    Task<IAsyncDisposable?> TryBeginTurnAsync(CancellationToken cancellationToken);

    /// <summary>Finds the expired sagas on the next page of a walk.</summary>
    /// <param name="walk">The walk.</param>
    /// <param name="after">The end of the previous page; null for the first page.</param>
    /// <param name="limit">The maximum number of sagas to visit, at least 1.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    Task<RetentionPage> FindExpiredAsync(RetentionWalk walk, RetentionCursor? after, int limit, CancellationToken cancellationToken);

    /// <summary>Finds the expired sagas on the next page of a walk, for an operator who asks how many there are. Nothing is deleted afterwards.</summary>
    /// <param name="walk">The walk.</param>
    /// <param name="after">The end of the previous page; null for the first page.</param>
    /// <param name="limit">The maximum number of sagas to visit, at least 1.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <remarks>A store that keeps the queries of operators away from its log does so here. By default, it is <see cref="FindExpiredAsync"/>.</remarks>
    /// <exception cref="SearchTimeoutException">The page takes longer than operators may use the store.</exception>
    Task<RetentionPage> PreviewExpiredAsync(RetentionWalk walk, RetentionCursor? after, int limit, CancellationToken cancellationToken) =>
        FindExpiredAsync(walk, after, limit, cancellationToken);

    /// <summary>Reads expired sagas for an archive.</summary>
    /// <param name="sagas">The sagas, as <see cref="FindExpiredAsync"/> found them.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>Those of the sagas that have not changed since, in any order.</returns>
    Task<IReadOnlyList<ArchivedSaga>> ReadAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken);

    /// <summary>Deletes expired sagas with their logs, holds and tags, in one transaction.</summary>
    /// <param name="sagas">The sagas, as <see cref="FindExpiredAsync"/> found them.</param>
    /// <param name="cancellationToken">Cancels the wait. A request that was sent may still take effect.</param>
    /// <returns>The sagas that were deleted.</returns>
    /// <remarks>
    /// A saga stays if it changed since it was found, for instance because an operator retried its undo, or if another transaction has locked it. The
    /// check and the deletion must be atomic.
    /// </remarks>
    Task<IReadOnlyCollection<SagaId>> DeleteAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken);

    /// <summary>Deletes a batch of the definitions that no saga has and no coordinator publishes.</summary>
    /// <param name="after">The end of the previous batch; null for the first batch.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The number of deleted definitions, and the end of the batch.</returns>
    /// <remarks>A definition must stay while a transaction that may insert a saga with it is open.</remarks>
    Task<LeftoverBatch> DeleteUnusedDefinitionsAsync(string? after, CancellationToken cancellationToken) => Task.FromResult(LeftoverBatch.Empty);

    /// <summary>Deletes a batch of the operator actions that are older than their age, unless their saga still exists.</summary>
    /// <param name="keep">The age.</param>
    /// <param name="after">The end of the previous batch; null for the first batch.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The number of deleted operator actions, and the end of the batch.</returns>
    Task<LeftoverBatch> DeleteActionsAsync(TimeSpan keep, string? after, CancellationToken cancellationToken) => Task.FromResult(LeftoverBatch.Empty);

    /// <summary>Deletes a batch of the coordinators that have been silent for their time and own no unfinished sagas.</summary>
    /// <param name="keep">The time since the last heartbeat.</param>
    /// <param name="after">The end of the previous batch; null for the first batch.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The number of deleted coordinators, and the end of the batch.</returns>
    Task<LeftoverBatch> DeleteCoordinatorsAsync(TimeSpan keep, string? after, CancellationToken cancellationToken) => Task.FromResult(LeftoverBatch.Empty);

    /// <summary>Deletes one coordinator, unless it answers or owns unfinished sagas, and records the operator action.</summary>
    /// <param name="coordinator">The coordinator.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task<ForgetResult> ForgetCoordinatorAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    /// <summary>Records a purge by an operator.</summary>
    /// <param name="note">The actor, and the reason with the scope of the purge.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task RecordPurgeAsync(OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    /// <summary>Inserts an ended saga from an archive, and records the operator action. The time of its end becomes the present time.</summary>
    /// <param name="saga">The saga. It must not be in progress.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>True if the saga was inserted; false if a saga with its id exists.</returns>
    /// <exception cref="InvalidDataException">The saga is in progress, the hash of its definition is wrong, or the store does not accept its data.</exception>
    Task<bool> ImportAsync(ArchivedSaga saga, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    private static NotSupportedException NotSupported() => new(
        $"The registered saga store does not support this operator action. Implement all of {nameof(ISagaRetention)} in the store passed to UseStore<T>().");
}

/// <summary>A definition that is stored.</summary>
/// <param name="Hash">The hash of the definition.</param>
/// <param name="Name">The name of the definition.</param>
/// <param name="Version">The version of the definition.</param>
public sealed record StoredDefinition(DefinitionHash Hash, string Name, int Version);

/// <summary>An estimate of the ended sagas.</summary>
/// <param name="About">The estimated number; null if the store has no estimate yet.</param>
/// <param name="Oldest">The time at which the oldest saga of any state was inserted; null if the store has none, or does not find it quickly.</param>
public sealed record EndedSagas(long? About, DateTimeOffset? Oldest);

/// <summary>A walk over the sagas that ended in one state, from the oldest to the newest by the time of their insert.</summary>
/// <param name="State">The state: not running and not unwinding.</param>
/// <param name="Rules">The definitions to visit, at least one, and the time for which sagas of each are kept.</param>
public sealed record RetentionWalk(SagaState State, IReadOnlyList<RetentionRule> Rules);

/// <summary>The time for which ended sagas of a definition are kept.</summary>
/// <param name="Definition">The hash of the definition.</param>
/// <param name="Keep">The time since the end of the saga.</param>
public readonly record struct RetentionRule(DefinitionHash Definition, TimeSpan Keep);

/// <summary>A position in a walk.</summary>
/// <param name="TimeCreated">The time at which the last visited saga was inserted.</param>
/// <param name="SagaId">The last visited saga.</param>
public sealed record RetentionCursor(DateTimeOffset TimeCreated, SagaId SagaId);

/// <summary>A page of a walk.</summary>
/// <param name="Expired">The expired sagas on the page.</param>
/// <param name="Next">The end of the page; null if it was the last one.</param>
public sealed record RetentionPage(IReadOnlyList<ExpiredSaga> Expired, RetentionCursor? Next);

/// <summary>A batch of the deletion of operator actions, coordinators or definitions.</summary>
/// <param name="Deleted">The number of deleted rows.</param>
/// <param name="Next">The end of the batch, in a form of the store; null if it was the last batch.</param>
public sealed record LeftoverBatch(long Deleted, string? Next)
{
    /// <summary>The only batch of a store that has nothing to delete.</summary>
    public static LeftoverBatch Empty { get; } = new(0, Next: null);
}

/// <summary>A saga that ended longer ago than it is kept.</summary>
/// <param name="Id">The id of the saga.</param>
/// <param name="State">The state in which it ended.</param>
/// <param name="Rule">The rule by which it has expired.</param>
/// <param name="TimeEnded">The time at which it ended.</param>
/// <param name="Events">The number of events in its log.</param>
/// <param name="Bytes">The stored size of its parameters and its log, in bytes.</param>
/// <param name="Stamp">A text of the store that differs after any change of the saga.</param>
public sealed record ExpiredSaga(
    SagaId Id, SagaState State, RetentionRule Rule, DateTimeOffset TimeEnded, int Events, long Bytes, string Stamp);

/// <summary>The result of forgetting a coordinator.</summary>
public enum ForgetResult
{
    /// <summary>The coordinator was deleted.</summary>
    Done,

    /// <summary>No coordinator has this id.</summary>
    NoSuchCoordinator,

    /// <summary>Nothing was done: the coordinator answers.</summary>
    Answers,

    /// <summary>Nothing was done: the coordinator owns unfinished sagas.</summary>
    OwnsSagas,
}

/// <summary>The retention of a store that does not implement <see cref="ISagaRetention"/>. Every call throws.</summary>
internal sealed class NoSagaRetention : ISagaRetention
{
    public Task<IReadOnlyList<StoredDefinition>> ListDefinitionsAsync(CancellationToken cancellationToken) => throw NotSupported();

    public Task<EndedSagas> EstimateEndedAsync(CancellationToken cancellationToken) => throw NotSupported();

    public Task<IAsyncDisposable?> TryBeginTurnAsync(CancellationToken cancellationToken) => throw NotSupported();

    public Task<RetentionPage> FindExpiredAsync(RetentionWalk walk, RetentionCursor? after, int limit, CancellationToken cancellationToken) => throw NotSupported();

    public Task<IReadOnlyList<ArchivedSaga>> ReadAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) => throw NotSupported();

    public Task<IReadOnlyCollection<SagaId>> DeleteAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) => throw NotSupported();

    private static NotSupportedException NotSupported() => new(
        $"The registered saga store does not support retention. Implement {nameof(ISagaRetention)} in the store passed to UseStore<T>().");
}
