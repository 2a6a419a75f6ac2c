using System.Data.Common;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The writes in transactions of user code.</summary>
internal sealed class PostgresSagaTransactions(PostgresDatabase database, StoredDefinitions definitions, ISagaStore store, NodeTransactions nodes) : ISagaTransactions
{
    private CallerStatements Sql => database.Callers;

    public async Task<bool> CreateAsync(DbTransaction transaction, Membership member, NewSaga saga, CancellationToken cancellationToken)
    {
        // In a transaction of its own: otherwise other processes that start the first sagas of the same definition would wait for the caller.
        await definitions.EnsureAsync(saga.Definition, member, cancellationToken).ConfigureAwait(false);
        Insertion insertion = await InsertAsync(transaction, member, saga, isChecked: false, cancellationToken).ConfigureAwait(false);
        if (insertion is Insertion.Unseen)
        {
            // The database has lost the join or the definition, or the snapshot of the transaction is older than they are. At a level above read
            // committed, it may also be older than the deletion of the definition. The lock on the definition keeps it from now on.
            await CheckAsync(transaction, member, saga.Definition, cancellationToken).ConfigureAwait(false);
            insertion = await InsertAsync(transaction, member, saga, isChecked: true, cancellationToken).ConfigureAwait(false);
        }

        return insertion is Insertion.Done;
    }

    public Task<SavedSaga?> ReadAsync(DbTransaction transaction, SagaId sagaId, CancellationToken cancellationToken) => RunAsync(
        transaction,
        batch => batch.Add(Sql.ReadSaga).With(sagaId.Value),
        async rows => (await rows.ListAsync(row => PostgresSagaReader.ToSaga(sagaId, row)).ConfigureAwait(false)).SingleOrDefault(),
        cancellationToken);

    public Task<SavedNodeEvent?> AppendAsync(
        Ownership ownership, NodeStep step, Func<DbTransaction, Task<SavedNodeEvent>> work, CancellationToken cancellationToken) =>
        nodes.AppendAsync(ownership, step, work, cancellationToken);

    /// <summary>Ensures outside of a transaction what its snapshot does not show: that the join is current and that the definition is stored.</summary>
    private async Task CheckAsync(DbTransaction transaction, Membership member, SavedDefinition definition, CancellationToken cancellationToken)
    {
        string place = await RunAsync(transaction, batch => batch.Add(Sql.Place), ReadPlaceAsync, cancellationToken).ConfigureAwait(false);
        if (place != await database.ReadAsync(batch => batch.Add(Sql.Place), ReadPlaceAsync, cancellationToken).ConfigureAwait(false))
        {
            throw new ArgumentException("The transaction belongs to another database than the sagas.", nameof(transaction));
        }

        await store.FindLostAsync(member, [], cancellationToken).ConfigureAwait(false); // throws if this process is fenced or its join is lost
        await definitions.ForgetLostAsync([definition], cancellationToken).ConfigureAwait(false);
        await definitions.EnsureAsync(definition, member, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<string> ReadPlaceAsync(PostgresRows rows) => (await rows.ListAsync(row => row.GetString(0)).ConfigureAwait(false)).Single();

    private Task<Insertion> InsertAsync(DbTransaction transaction, Membership member, NewSaga saga, bool isChecked, CancellationToken cancellationToken) => RunAsync(
        transaction,
        batch =>
        {
            batch.Add(database.Definitions.Lock).With(new[] { saga.Definition.Hash.ToBytes() });
            NpgsqlBatchCommand insert = batch.Add(saga.Tags.Count > 0 ? Sql.InsertTaggedSagaOfCaller : Sql.InsertSagaOfCaller, member)
                .With(saga.Id.Value).With(saga.Definition.Name).With(saga.Definition.Hash.ToBytes()).WithJson(saga.Parameters)
                .WithNullable(saga.Deadline?.ToUniversalTime()).With(AdoptGeneration.Initial.Value).With(isChecked);
            if (saga.Tags.Count > 0)
            {
                insert.With(saga.Tags.Select(tag => tag.Name).ToArray()).With(saga.Tags.Select(tag => tag.Value).ToArray());
            }
        },
        async rows =>
        {
            await rows.SkipAsync(1).ConfigureAwait(false);
            return (await rows.ListAsync(row => row.GetBoolean(0) ? Insertion.Done : row.GetBoolean(1) && row.GetBoolean(2) ? Insertion.Exists : Insertion.Unseen)
            .ConfigureAwait(false)).Single();
        },
        cancellationToken);

    private static async Task<T> RunAsync<T>(
        DbTransaction transaction, Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        _ = transaction.IsolationLevel; // throws if the transaction has ended; without it, the statements would run outside of any transaction
        if (transaction.Connection is not NpgsqlConnection connection)
        {
            throw new ArgumentException($"The transaction is not one of Npgsql: its connection is a {transaction.Connection?.GetType().ToString() ?? "null"}.", nameof(transaction));
        }

        try
        {
            return await PostgresDatabase.ReadAsync(connection, build, read, cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            throw new ArgumentException("The transaction belongs to another database than the sagas: it has no tables of them.", nameof(transaction), e);
        }
    }

    private enum Insertion
    {
        Done,

        /// <summary>A saga with the id exists.</summary>
        Exists,

        /// <summary>The transaction does not see the join of this process or the definition, or a saga with the id exists.</summary>
        Unseen,
    }
}
