using System.Data.Common;
using SagaRecovery.Fencing;

namespace SagaRecovery.Storage;

/// <summary>The writes of a store in transactions of user code. A store implements it if it shares a database with its users.</summary>
/// <remarks>
/// A transaction of a caller is passed in open, on an open connection, and is neither committed nor rolled back. Implementations must be
/// thread-safe; a single transaction is used by one call at a time.
/// </remarks>
public interface ISagaTransactions
{
    /// <summary>Inserts a saga in a transaction of the caller, and a hint to its owner that arrives when the transaction commits.</summary>
    /// <param name="transaction">The transaction of the caller.</param>
    /// <param name="member">The membership of this process. The saga belongs to its coordinator, at the initial generation.</param>
    /// <param name="saga">The saga.</param>
    /// <param name="cancellationToken">Cancels the insert.</param>
    /// <returns>True if it was inserted; false if a saga with this id exists, perhaps in the same transaction.</returns>
    /// <exception cref="ArgumentException">The transaction belongs to another database.</exception>
    /// <exception cref="CoordinatorFencedException">A newer process has joined. Nothing was inserted.</exception>
    /// <exception cref="JoinLostException">The database has lost this join. Nothing was inserted.</exception>
    /// <exception cref="DbException">The transaction has failed, or the database did not answer.</exception>
    /// <remarks>
    /// The insert takes no lock of the fence, which would make a join wait for the caller. None is needed: a saga without events has nothing
    /// that an older process could overwrite, and the process that holds the coordinator id after the commit resumes it.
    /// </remarks>
    Task<bool> CreateAsync(DbTransaction transaction, Membership member, NewSaga saga, CancellationToken cancellationToken);

    /// <summary>Reads a saga without its log, as a transaction sees it.</summary>
    /// <param name="transaction">The transaction of the caller.</param>
    /// <param name="sagaId">The saga.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The saga; null if the transaction sees none with this id.</returns>
    /// <exception cref="ArgumentException">The transaction belongs to another kind of database.</exception>
    Task<SavedSaga?> ReadAsync(DbTransaction transaction, SagaId sagaId, CancellationToken cancellationToken);

    /// <summary>Runs work in a new transaction, and writes the event that the work returns in the same transaction, behind the fence.</summary>
    /// <param name="ownership">The membership of this process, and the generation at which it owns the saga.</param>
    /// <param name="step">The action or undo that the event ends.</param>
    /// <param name="work">
    /// The work. It gets a transaction that it must neither commit nor roll back, and returns the event: <see cref="NodeEventType.Succeeded"/> or
    /// <see cref="NodeEventType.Failed"/> for an action, <see cref="NodeEventType.UndoFinished"/> or <see cref="NodeEventType.UndoFailed"/> for an undo.
    /// </param>
    /// <param name="cancellationToken">Cancels the write. A request that was sent may still take effect.</param>
    /// <returns>
    /// The event that the log contains now. Not the one that the work returned, if an earlier call has ended the step: then the work was not run, or
    /// nothing of it remains. Null if this coordinator does not own the unfinished saga at that generation: then nothing remains either.
    /// </returns>
    /// <exception cref="CoordinatorFencedException">A newer process has joined. Nothing remains.</exception>
    /// <exception cref="JoinLostException">The database has lost this join. Nothing remains.</exception>
    /// <exception cref="UnansweredWriteException">No connection, no answer, or the event could not be written.</exception>
    /// <exception cref="DbException">The database refused the commit for what the work has done. Nothing remains.</exception>
    /// <remarks>
    /// Any exception of the work passes through, and nothing of it remains. At most one event ends a step, even if answers are lost: a transaction whose
    /// commit arrives late is refused if another event has been written meanwhile.
    /// </remarks>
    Task<SavedNodeEvent?> AppendAsync(
        Ownership ownership, NodeStep step, Func<DbTransaction, Task<SavedNodeEvent>> work, CancellationToken cancellationToken);
}

/// <summary>The action or the undo of a node in a saga.</summary>
/// <param name="SagaId">The saga.</param>
/// <param name="Node">The id of the node.</param>
/// <param name="IsUndo">True for the undo.</param>
public readonly record struct NodeStep(SagaId SagaId, int Node, bool IsUndo)
{
    private static readonly NodeEventType[] s_endsOfAction = [NodeEventType.Succeeded, NodeEventType.Failed];
    private static readonly NodeEventType[] s_endsOfUndo = [NodeEventType.UndoFinished, NodeEventType.UndoFailed];

    /// <summary>True if no earlier attempt can have ended the step, so that the store need not look for its end before the work.</summary>
    public bool IsFirstAttempt { get; init; }

    /// <summary>The types of the events that end the step. At most one of them is in the log.</summary>
    public IReadOnlyList<NodeEventType> Ends => IsUndo ? s_endsOfUndo : s_endsOfAction;

    /// <summary>Returns true if an event ends the step.</summary>
    public bool EndsWith(SavedNodeEvent nodeEvent) => nodeEvent.NodeId == Node && Ends.Contains(nodeEvent.Type);
}

/// <summary>The transactions of a store that does not implement <see cref="ISagaTransactions"/>. Every call throws.</summary>
internal sealed class NoSagaTransactions : ISagaTransactions
{
    public Task<bool> CreateAsync(DbTransaction transaction, Membership member, NewSaga saga, CancellationToken cancellationToken) => throw NotSupported();

    public Task<SavedSaga?> ReadAsync(DbTransaction transaction, SagaId sagaId, CancellationToken cancellationToken) => throw NotSupported();

    public Task<SavedNodeEvent?> AppendAsync(
        Ownership ownership, NodeStep step, Func<DbTransaction, Task<SavedNodeEvent>> work, CancellationToken cancellationToken) => throw NotSupported();

    private static NotSupportedException NotSupported() => new(
        $"The store does not implement {nameof(ISagaTransactions)}, so it has neither starts in transactions of their callers nor transactional nodes.");
}
