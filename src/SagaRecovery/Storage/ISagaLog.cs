using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The log to which an executor writes the progress of its sagas.</summary>
/// <remarks>
/// Every write is fenced: it must take effect only while the writer is the latest incarnation of its coordinator and owns the saga at the
/// given generation. Implementations must be thread-safe.
/// </remarks>
public interface ISagaLog
{
    /// <summary>
    /// Inserts the row of a new saga at <see cref="AdoptGeneration.Initial"/>, together with its tags and first events, and with its definition if that is new.
    /// </summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="saga">The saga to insert.</param>
    /// <param name="cancellationToken">Cancels the wait. A request that was sent may still take effect.</param>
    /// <returns>True if the row was inserted; false if a saga with this id exists.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process. Nothing was written.</exception>
    Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken);

    /// <summary>Writes a group of entries in one transaction.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="entries">The entries to write. Entries of one saga take effect in order.</param>
    /// <param name="cancellationToken">Cancels the wait. A request that was sent may still take effect.</param>
    /// <returns>
    /// One result for each entry, in order: true if it was written; false if this coordinator no longer owns the saga at that generation.
    /// </returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined. Nothing was written.</exception>
    /// <exception cref="JoinLostException">
    /// The store has lost the join of this process. Nothing was written. After joining again, the caller must restore the log of each
    /// running saga before it writes anything new about that saga.
    /// </exception>
    /// <remarks>An entry that the log already contains, as after a lost answer, must be accepted and count as written.</remarks>
    Task<IReadOnlyList<bool>> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken);

    /// <summary>Writes the whole log of a run again, after the store may have lost part of it.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="everything">All events that the run knows, and the state that follows from them.</param>
    /// <param name="cancellationToken">Cancels the wait. A request that was sent may still take effect.</param>
    /// <returns>The outcome, which decides how the run proceeds.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined. Nothing was written.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process once more. Nothing was written.</exception>
    /// <remarks>Events that the store already contains must be accepted.</remarks>
    Task<RestoreOutcome> RestoreAsync(Membership member, SagaLogEntry everything, CancellationToken cancellationToken);
}

/// <summary>The outcome of restoring the log of a run.</summary>
public enum RestoreOutcome
{
    /// <summary>The store contains all events that the run knows. The run continues.</summary>
    Restored,

    /// <summary>The saga has another owner or generation, or has ended in another way. The run stops.</summary>
    NotOwned,

    /// <summary>
    /// The store contains events that the run does not know, or has lost events that must not be restored. The run stops, and recovery resumes the saga
    /// from its log.
    /// </summary>
    Superseded,

    /// <summary>The store has lost the entire saga. The run stops.</summary>
    Lost,
}

/// <summary>A saga that is about to be inserted.</summary>
/// <param name="Id">The id of the saga.</param>
/// <param name="Definition">The definition of the saga.</param>
/// <param name="Parameters">The parameters as JSON in UTF-8.</param>
public sealed record NewSaga(SagaId Id, SavedDefinition Definition, ReadOnlyMemory<byte> Parameters)
{
    /// <summary>The time at which the saga is cancelled unless it has finished; null for none.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>The tags of the saga, stored together with its row.</summary>
    /// <value>The default is empty: no tags.</value>
    public IReadOnlyList<SagaTag> Tags { get; init; } = [];

    /// <summary>The first events of the log, stored together with the row: the steps that the executor begins once the saga is in the store.</summary>
    /// <value>The default is empty: no step begins before another write.</value>
    public IReadOnlyList<SavedNodeEvent> Events { get; init; } = [];
}

/// <summary>An atomic write about one saga: new events, a new state, or both.</summary>
/// <param name="SagaId">The saga.</param>
/// <param name="Generation">The generation at which the writer owns the saga.</param>
/// <param name="Events">The new events of the log; may be empty.</param>
/// <param name="NewState">The new state; null to leave the state unchanged.</param>
public sealed record SagaLogEntry(
    SagaId SagaId, AdoptGeneration Generation, IReadOnlyList<SavedNodeEvent> Events, SagaState? NewState = null)
{
    /// <summary>
    /// The cancellation of the saga, stored with the new state unless one is stored; null for none. An append has it if the deadline of the
    /// saga cancels it. A restore has any that the run knows, since the database may have lost it.
    /// </summary>
    public SagaCancellation? Cancellation { get; init; }

    /// <summary>The cause of the unwinding, stored with the new state. An executor sets it whenever it changes the state of a saga that unwinds.</summary>
    /// <value>The default is null: the stored cause stays as it is.</value>
    public SagaFailure? Failure { get; init; }

    /// <summary>
    /// The events among <see cref="Events"/> that <see cref="ISagaTransactions.AppendAsync"/> has written together with other data. A restore must not
    /// write them: a store that has lost one has lost its data too, and the outcome is <see cref="RestoreOutcome.Superseded"/>.
    /// </summary>
    public IReadOnlyList<SavedNodeEvent> WrittenWithData { get; init; } = [];

    /// <summary>
    /// The steps in flight that write their own ends with <see cref="ISagaTransactions.AppendAsync"/>. A restore accepts a log that has such an end, of
    /// which the run has not heard.
    /// </summary>
    public IReadOnlyList<NodeStep> OpenSteps { get; init; } = [];
}
