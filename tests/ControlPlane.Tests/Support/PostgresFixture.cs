using EmbeddedPostgres;

namespace ControlPlane.Tests.Support;

/// <summary>One cluster for all tests of this assembly; each class takes a database of its own.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private ThrowawayCluster? _cluster;

    public async Task InitializeAsync() => _cluster = await ThrowawayCluster.StartAsync();

    public async Task DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
    }

    public Task<string> NewDatabaseAsync() => _cluster!.NewDatabaseAsync();
}

/// <summary>Tests with real processes run one after the other: they would only slow each other down.</summary>
[CollectionDefinition(Name)]
public sealed class OnPostgres : ICollectionFixture<PostgresFixture>
{
    public const string Name = "postgres";
}
