using System.Data.Common;
using SagaRecovery.Fencing;

namespace SagaRecovery.Storage;

/// <summary>The writes of a store in transactions of user code. A store implements it if it shares a database with its users.</summary>
/// <remarks>
/// A transaction is passed in open, on an open connection, and is neither committed nor rolled back. Implementations must be thread-safe; a
/// single transaction is used by one call at a time.
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
}

/// <summary>The transactions of a store that does not implement <see cref="ISagaTransactions"/>. Every call throws.</summary>
internal sealed class NoSagaTransactions : ISagaTransactions
{
    public Task<bool> CreateAsync(DbTransaction transaction, Membership member, NewSaga saga, CancellationToken cancellationToken) => throw NotSupported();

    public Task<SavedSaga?> ReadAsync(DbTransaction transaction, SagaId sagaId, CancellationToken cancellationToken) => throw NotSupported();

    private static NotSupportedException NotSupported() => new($"The store does not implement {nameof(ISagaTransactions)}, so no saga can start in a transaction of its caller.");
}
