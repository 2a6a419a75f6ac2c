using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>The connections to the database, and the statements for the configured schema. The host owns and disposes the data sources.</summary>
/// <param name="dataSource">The data source for all short-lived connections.</param>
/// <param name="options">The options of the store.</param>
/// <param name="direct">
/// The data source for the one long-lived listener connection, which must bypass a pooler in transaction mode. Null to use
/// <paramref name="dataSource"/>.
/// </param>
/// <param name="own">The pool to use in place of <paramref name="dataSource"/>; null for none.</param>
/// <param name="queries">The pool for the queries of operators; null to use <see cref="Pool"/>.</param>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore without a wait handle holds nothing, and queries may end later than the host.")]
internal sealed class PostgresDatabase(
    NpgsqlDataSource dataSource,
    IOptions<PostgresStoreOptions> options,
    NpgsqlDataSource? direct = null,
    OwnPool? own = null,
    IConnectionPool? queries = null)
{
    private readonly SemaphoreSlim _queries = new(PostgresStoreOptions.MaxQueryConnections); // the pool may be that of the host, or of the log

    /// <summary>The id by which this process recognizes hints that it sent itself.</summary>
    public string Instance { get; } = $"{Environment.MachineName}:{Environment.ProcessId}:{RandomNumberGenerator.GetHexString(8)}";

    public PostgresStoreOptions Options { get; } = options.Value;

    public Statements Statements { get; } = new(options.Value.Schema);

    public ControlStatements Controls { get; } = new(options.Value.Schema);

    public OperatorStatements Operators { get; } = new(options.Value.Schema);

    public SagaActionStatements Actions { get; } = new(options.Value.Schema);

    public IdentifyStatements Identification { get; } = new(options.Value.Schema);

    public SearchStatements Searches { get; } = new(options.Value.Schema);

    public ClusterStatements Cluster { get; } = new(options.Value.Schema);

    public ProblemStatements Problems { get; } = new(options.Value.Schema);

    public CallerStatements Callers { get; } = new(options.Value.Schema);

    public DefinitionStatements Definitions { get; } = new(options.Value.Schema);

    public RetentionStatements Retention { get; } = new(options.Value.Schema);

    /// <summary>The joins of this process and their predecessors.</summary>
    public JoinLineage Lineage { get; } = new();

    /// <summary>The pool for all short-lived connections.</summary>
    public IConnectionPool Pool { get; } = own is null ? new DataSourcePool(dataSource) : own;

    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken) => Pool.OpenAsync(cancellationToken);

    public ValueTask<NpgsqlConnection> OpenDirectAsync(CancellationToken cancellationToken) =>
        direct?.OpenConnectionAsync(cancellationToken) ?? OpenAsync(cancellationToken);

    /// <summary>Runs a batch that runs often. The batch is prepared, unless prepared statements are turned off.</summary>
    public async Task<NpgsqlDataReader> ExecuteAsync(NpgsqlBatch batch, CancellationToken cancellationToken)
    {
        if (Options.PreparedStatements)
        {
            await batch.PrepareAsync(cancellationToken).ConfigureAwait(false);
        }

        return await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs a batch that runs often as one transaction, prepared if possible, and reads its results.</summary>
    public Task<T> ReadPreparedAsync<T>(Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken) =>
        ConnectionRetry.RunAsync(
            Pool,
            connection => ReadPreparedAsync(connection, build, read, cancellationToken),
            cancellationToken);

    /// <inheritdoc cref="ReadPreparedAsync{T}(Action{NpgsqlBatch}, Func{PostgresRows, Task{T}}, CancellationToken)"/>
    public Task<T> ReadPreparedAsync<T>(
        NpgsqlConnection connection, Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken) =>
        ReadAsync(connection, build, batch => ExecuteAsync(batch, cancellationToken), read, cancellationToken);

    /// <summary>Runs a batch as one transaction and reads its results.</summary>
    public Task<T> ReadAsync<T>(Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken) =>
        ConnectionRetry.RunAsync(Pool, connection => ReadAsync(connection, build, read, cancellationToken), cancellationToken);

    /// <summary>Runs a query that changes nothing or may be repeated.</summary>
    public Task<T> QueryAsync<T>(Func<NpgsqlConnection, Task<T>> query, CancellationToken cancellationToken) =>
        ConnectionRetry.RunAsync(Pool, query, cancellationToken);

    /// <summary>
    /// Runs a query of operators. It uses none of the connections that write the log, unless the host gives recovery a data source of its own and has
    /// no other. Only a few run at once, on any pool; a query must not begin another one.
    /// </summary>
    /// <exception cref="ConnectionsInUseException">Cancelled before the query had its turn.</exception>
    public async Task<T> QueryForOperatorAsync<T>(Func<NpgsqlConnection, Task<T>> query, CancellationToken cancellationToken)
    {
        try
        {
            await _queries.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled)
        {
            throw new ConnectionsInUseException(cancelled);
        }

        try
        {
            return await ConnectionRetry.RunAsync(queries ?? Pool, query, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _queries.Release();
        }
    }

    /// <summary>Runs a batch on an open connection and reads its results.</summary>
    public static Task<T> ReadAsync<T>(
        NpgsqlConnection connection, Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken) =>
        ReadAsync(connection, build, batch => batch.ExecuteReaderAsync(cancellationToken), read, cancellationToken);

    private static async Task<T> ReadAsync<T>(
        NpgsqlConnection connection,
        Action<NpgsqlBatch> build,
        Func<NpgsqlBatch, Task<NpgsqlDataReader>> execute,
        Func<PostgresRows, Task<T>> read,
        CancellationToken cancellationToken)
    {
        var batch = new NpgsqlBatch(connection);
        await using (batch.ConfigureAwait(false))
        {
            build(batch);
            NpgsqlDataReader reader = await execute(batch).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                return await read(new PostgresRows(reader, cancellationToken)).ConfigureAwait(false);
            }
        }
    }
}

/// <summary>A query of operators was cancelled while others used all connections for them.</summary>
[SuppressMessage("Design", "CA1032", Justification = "Only the database creates it.")]
[SuppressMessage("Design", "CA1064", Justification = "The search turns it into a message.")]
internal sealed class ConnectionsInUseException(OperationCanceledException cancelled)
    : OperationCanceledException(cancelled.Message, cancelled, cancelled.CancellationToken);
