using SagaRecovery.Postgres;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>A test class with a database of its own.</summary>
/// <param name="cluster">Where.</param>
/// <param name="pooler">What stands between; null: nothing.</param>
[Collection(SharesPostgres.Name)]
public abstract class PostgresTest(PostgresCluster cluster, Pooler? pooler = null) : IAsyncLifetime
{
    private protected SagaDatabase Db { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        string database = await cluster.NewDatabaseAsync();
        Db = pooler is null
            ? new SagaDatabase(database)
            : new SagaDatabase(
                await pooler.ThroughAsync(database), new PostgresStoreOptions { CreateSchema = true, PreparedStatements = false }, direct: database);
    }

    public async Task DisposeAsync() => await Db.DisposeAsync();
}
