using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>A pool of connections. Thread-safe.</summary>
internal interface IConnectionPool
{
    /// <summary>Opens a connection, which may have died in the pool.</summary>
    ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Closes the idle connections, and those in use when they are returned.</summary>
    /// <remarks><see cref="NpgsqlConnection.ClearPool"/> does not reach the pool of a data source: <c>findings/clear-pool-misses-data-sources.sh</c>.</remarks>
    void Clear();
}

/// <summary>The pool of a data source of the host.</summary>
internal sealed class DataSourcePool(NpgsqlDataSource source) : IConnectionPool
{
    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken) => source.OpenConnectionAsync(cancellationToken);

    public void Clear() => source.Clear();
}
