namespace EmbeddedPostgres;

/// <summary>A cluster for one test run: in a temporary folder, without fsync unless asked for, gone when disposed.</summary>
public sealed class ThrowawayCluster : IAsyncDisposable
{
    private static int s_databases;

    private ThrowawayCluster(PrivateCluster cluster) => Cluster = cluster;

    /// <summary>The cluster itself, to stop and to start it again.</summary>
    public PrivateCluster Cluster { get; }

    /// <summary>Makes and starts one; takes about a second.</summary>
    public static async Task<ThrowawayCluster> StartAsync(ClusterOptions? options = null, CancellationToken cancellationToken = default)
    {
        string folder = Directory.CreateTempSubdirectory("private-postgres-").FullName;
        return new ThrowawayCluster(
            await PrivateCluster.StartOrFindAsync(folder, options ?? new ClusterOptions { Durable = false }, cancellationToken));
    }

    /// <summary>A new, empty database; one to a test class keeps tests apart.</summary>
    /// <returns>Its connection string.</returns>
    public async Task<string> NewDatabaseAsync(CancellationToken cancellationToken = default)
    {
        string name = $"test_{Interlocked.Increment(ref s_databases)}";
        await Cluster.CreateDatabaseAsync(name, cancellationToken);
        return Cluster.ConnectionString(name);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync() => await Cluster.RemoveAsync();
}
