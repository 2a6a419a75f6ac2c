using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>A test class with a database of its own.</summary>
[Collection(SharesPostgres.Name)]
public abstract class PostgresTest(PostgresCluster cluster) : IAsyncLifetime
{
    private protected SagaDatabase Db { get; private set; } = null!;

    public async Task InitializeAsync() => Db = new SagaDatabase(await cluster.NewDatabaseAsync());

    public async Task DisposeAsync() => await Db.DisposeAsync();
}
