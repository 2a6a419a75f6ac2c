namespace EmbeddedPostgres;

/// <summary>A cluster for one test run, in a temporary folder, by default without fsync. Disposing removes it.</summary>
public sealed class ThrowawayCluster : IAsyncDisposable
{
    private static int s_databases;

    private ThrowawayCluster(PrivateCluster cluster) => Cluster = cluster;

    /// <summary>The cluster itself, for tests that stop and restart it.</summary>
    public PrivateCluster Cluster { get; }

    /// <summary>Creates and starts a cluster, which takes about a second.</summary>
    public static async Task<ThrowawayCluster> StartAsync(ClusterOptions? options = null, CancellationToken cancellationToken = default)
    {
        string folder = Directory.CreateTempSubdirectory("private-postgres-").FullName;
        return new ThrowawayCluster(
            await PrivateCluster.StartOrFindAsync(folder, options ?? new ClusterOptions { Durable = false }, cancellationToken));
    }

    /// <summary>Creates an empty database. One per test class keeps tests independent.</summary>
    /// <returns>The connection string of the database.</returns>
    public async Task<string> NewDatabaseAsync(CancellationToken cancellationToken = default)
    {
        string name = $"test_{Interlocked.Increment(ref s_databases)}";
        await Cluster.CreateDatabaseAsync(name, cancellationToken);
        return Cluster.ConnectionString(name);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync() => await Cluster.RemoveAsync();
}
