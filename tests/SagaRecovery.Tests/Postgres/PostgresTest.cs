using SagaRecovery.Postgres;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>A test class with a database of its own.</summary>
/// <param name="cluster">The cluster of the database.</param>
/// <param name="pooler">The pooler in between; null: none.</param>
/// <param name="isolation">The database's default isolation level.</param>
[Collection(SharesPostgres.Name)]
public abstract class PostgresTest(PostgresCluster cluster, Pooler? pooler = null, string isolation = PostgresTest.ReadCommitted) : IAsyncLifetime
{
    protected const string ReadCommitted = "read committed";
    protected const string RepeatableRead = "repeatable read";
    protected const string Serializable = "serializable";

    private protected SagaDatabase Db { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        string database = await cluster.NewDatabaseAsync();
        if (isolation != ReadCommitted)
        {
            await SagaDatabase.AlterAsync(database, $"default_transaction_isolation = '{isolation}'");
        }

        Db = pooler is null
            ? new SagaDatabase(database)
            : new SagaDatabase(
                await pooler.ThroughAsync(database), new PostgresStoreOptions { CreateSchema = true, PreparedStatements = false }, direct: database);
    }

    public async ValueTask DisposeAsync()
    {
        await Db.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
