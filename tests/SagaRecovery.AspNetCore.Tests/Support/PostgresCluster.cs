using EmbeddedPostgres;

namespace SagaRecovery.AspNetCore.Tests.Support;

/// <summary>One cluster to the test run; each test class takes a database of its own.</summary>
public sealed class PostgresCluster : IAsyncLifetime
{
    private ThrowawayCluster? _cluster;

    public async Task InitializeAsync() => _cluster = await ThrowawayCluster.StartAsync();

    public async Task DisposeAsync()
    {
        Npgsql.NpgsqlConnection.ClearAllPools();
        await _cluster!.DisposeAsync();
    }

    public Task<string> NewDatabaseAsync() => _cluster!.NewDatabaseAsync();
}

[CollectionDefinition(Name)]
public sealed class OnPostgres : ICollectionFixture<PostgresCluster>
{
    public const string Name = "Postgres";
}
