using System.Data;
using System.Data.Common;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <content>The transactional nodes, for tests of the code of sagas.</content>
public sealed partial class InMemorySagaStore
{
    /// <summary>Opens a connection to the database in which transactional nodes work.</summary>
    /// <value>The default is <see langword="null"/>: a saga with transactional nodes cannot run.</value>
    /// <remarks>
    /// The transaction is committed first, and the event is written to this store after it. The two are not atomic, so a test with crashes needs the
    /// Postgres store.
    /// </remarks>
    public Func<CancellationToken, Task<DbConnection>>? OpenConnection { get; set; }

    /// <inheritdoc />
    public async Task<SavedNodeEvent?> AppendAsync(
        Ownership ownership, NodeStep step, Func<DbTransaction, Task<SavedNodeEvent>> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        Func<CancellationToken, Task<DbConnection>> open = OpenConnection ?? throw new NotSupportedException(
            $"The saga has a transactional node, and the store in memory has no database: set {nameof(OpenConnection)}.");
        if (!FindEnd(ownership, step, out SavedNodeEvent? end) || end is not null)
        {
            return end;
        }

        DbConnection connection = await open(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            DbTransaction transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                SavedNodeEvent ofWork = await work(transaction).ConfigureAwait(false);
                return FindEnd(ownership, step, out end) && end is null
                    ? await CommitAsync(transaction, ownership, step.SagaId, ofWork, cancellationToken).ConfigureAwait(false)
                    : end;
            }
        }
    }

    Task<bool> ISagaTransactions.CreateAsync(DbTransaction transaction, Membership member, NewSaga saga, CancellationToken cancellationToken) =>
        throw NoStartInTransaction();

    Task<SavedSaga?> ISagaTransactions.ReadAsync(DbTransaction transaction, SagaId sagaId, CancellationToken cancellationToken) =>
        throw NoStartInTransaction();

    private static NotSupportedException NoStartInTransaction() => new("The store in memory cannot start a saga in a transaction of its caller.");

    private async Task<SavedNodeEvent?> CommitAsync(
        DbTransaction transaction, Ownership ownership, SagaId sagaId, SavedNodeEvent end, CancellationToken cancellationToken)
    {
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<bool> written = await AppendAsync(
            ownership.Member, [new SagaLogEntry(sagaId, ownership.Generation, [end])], cancellationToken).ConfigureAwait(false);
        return written[0] ? end : null;
    }

    /// <summary>Finds the event that has ended a step.</summary>
    /// <returns>False if the coordinator does not own the unfinished saga.</returns>
    private bool FindEnd(Ownership ownership, NodeStep step, out SavedNodeEvent? end)
    {
        lock (_lock)
        {
            ThrowIfFenced(ownership.Member);
            end = null;
            if (Find(step.SagaId, ownership) is not { IsInProgress: true } row)
            {
                return false;
            }

            end = row.ToSavedSaga().Events.Where(step.EndsWith).Select(nodeEvent => (SavedNodeEvent?)nodeEvent).FirstOrDefault();
            return true;
        }
    }
}
