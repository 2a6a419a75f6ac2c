using EmbeddedPostgres;

namespace SagaRecovery.Cli.Tests.Support;

/// <summary>One cluster for all tests of this assembly; each class takes a database of its own.</summary>
public sealed class PostgresFixture : IAsyncLifetime
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
public sealed class OnPostgres : ICollectionFixture<PostgresFixture>
{
    public const string Name = "postgres";
}
