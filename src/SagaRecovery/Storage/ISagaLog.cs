using SagaRecovery.Fencing;

namespace SagaRecovery.Storage;

/// <summary>
/// Where an executor writes what its sagas do. Every write is fenced: it takes effect only while the writer is the latest incarnation
/// of its coordinator and owns the saga at the generation it was handed. Implementations are thread-safe.
/// </summary>
public interface ISagaLog
{
    /// <summary>Inserts the row of a new saga, at <see cref="AdoptGeneration.Initial"/>, and its definition where it is new.</summary>
    /// <returns>Whether it was inserted; false: a saga with this id exists.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process: nothing was written.</exception>
    Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken);

    /// <summary>
    /// Writes a group of entries in one transaction. Writing an entry that stands in the log already (its answer was lost) is harmless
    /// and counts as written.
    /// </summary>
    /// <param name="member">Who writes.</param>
    /// <param name="entries">What to write; entries of one saga take effect in their order.</param>
    /// <param name="cancellationToken">Gives up waiting; what was sent may still take effect.</param>
    /// <returns>For each entry, in order, whether it was written; false: the saga is not ours at that generation any more.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined: nothing was written.</exception>
    /// <exception cref="JoinLostException">
    /// The store has lost the join of this process: nothing was written. After the process has joined again, the log of each saga that it
    /// runs is restored before anything new is written about it.
    /// </exception>
    Task<IReadOnlyList<bool>> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken);

    /// <summary>
    /// Writes again all that a run knows of its saga, after the store may have lost some of it. Events that stand there conflict with
    /// nothing but themselves.
    /// </summary>
    /// <param name="member">Who writes.</param>
    /// <param name="everything">All events that the run knows, and the state that follows from them.</param>
    /// <param name="cancellationToken">Gives up waiting; what was sent may still take effect.</param>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined: nothing was written.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process, once more: nothing was written.</exception>
    Task<RestoreOutcome> RestoreAsync(Membership member, SagaLogEntry everything, CancellationToken cancellationToken);
}

/// <summary>What became of a log that was to be restored.</summary>
public enum RestoreOutcome
{
    /// <summary>The store holds all that the run knows. The run goes on.</summary>
    Restored,

    /// <summary>The saga belongs to another coordinator or to another generation, or has ended otherwise. The run stops.</summary>
    NotOurs,

    /// <summary>The store holds events that the run does not know. The run stops, and the saga is recovered from its log.</summary>
    Superseded,

    /// <summary>The store has lost the saga as a whole. The run stops.</summary>
    Lost,
}

/// <summary>A saga that is about to be inserted.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Definition">What it will run.</param>
/// <param name="Parameters">Its parameters: JSON in UTF-8.</param>
public sealed record NewSaga(SagaId Id, SavedDefinition Definition, ReadOnlyMemory<byte> Parameters);

/// <summary>Events of one saga, and perhaps a new state, that take effect together or not at all.</summary>
/// <param name="SagaId">Which saga.</param>
/// <param name="Generation">The generation at which the writer owns it.</param>
/// <param name="Events">New events of its log; may be empty.</param>
/// <param name="NewState">The state that it goes over to; null: it stays as it is.</param>
public sealed record SagaLogEntry(
    SagaId SagaId, AdoptGeneration Generation, IReadOnlyList<SavedNodeEvent> Events, SagaState? NewState = null);
