using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>A pool of connections. Thread-safe.</summary>
internal interface IConnectionPool
{
    /// <summary>Opens a connection, which may have died in the pool.</summary>
    ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Closes the idle connections, and those in use when they are returned. Returns after a second in any case, and goes on in the background.</summary>
    Task ClearAsync();
}

/// <summary>The pool of a data source of the host.</summary>
internal sealed class DataSourcePool(NpgsqlDataSource source) : IConnectionPool
{
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(1);

    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken) => source.OpenConnectionAsync(cancellationToken);

    public Task ClearAsync() => ClearAsync(source);

    /// <summary>Clears the pool of a data source.</summary>
    /// <remarks>
    /// <see cref="NpgsqlConnection.ClearPool"/> does not reach it: <c>findings/clear-pool-misses-data-sources.sh</c>. <see cref="NpgsqlDataSource.Clear"/>
    /// blocks while a keepalive waits for a server that does not answer (<c>findings/clear-waits-for-keepalives.sh</c>), so it runs on another thread.
    /// </remarks>
    public static async Task ClearAsync(NpgsqlDataSource source) =>
        await Task.Run(source.Clear).WaitAsync(s_longestWait).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
