using EmbeddedPostgres;
using Npgsql;

namespace Tests.Shared;

/// <summary>One cluster for all tests that share it; each class, or each test, takes a database of its own.</summary>
public sealed class PostgresCluster : IAsyncLifetime
{
    private ThrowawayCluster? _cluster;

    public async ValueTask InitializeAsync() => _cluster = await ThrowawayCluster.StartAsync();

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
    }

    public Task<string> NewDatabaseAsync() => _cluster!.NewDatabaseAsync();
}
