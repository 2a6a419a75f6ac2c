using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>The host's data source, which is not ours to dispose, and the statements with the configured schema in them.</summary>
/// <param name="dataSource">For everything.</param>
/// <param name="options">Where in the database.</param>
/// <param name="direct">
/// For the one connection that lasts, on which hints are heard: past a pooler that gives connections out by transaction. Null: the same.
/// </param>
internal sealed class PostgresDatabase(
    NpgsqlDataSource dataSource,
    IOptions<PostgresStoreOptions> options,
    NpgsqlDataSource? direct = null)
{
    /// <summary>Tells this process from others in the hints that it gives.</summary>
    public string Instance { get; } = $"{Environment.MachineName}:{Environment.ProcessId}:{RandomNumberGenerator.GetHexString(8)}";

    public PostgresStoreOptions Options { get; } = options.Value;

    public Statements Statements { get; } = new(options.Value.Schema);

    public ControlStatements Controls { get; } = new(options.Value.Schema);

    public OperatorStatements Operators { get; } = new(options.Value.Schema);

    public ClusterStatements Cluster { get; } = new(options.Value.Schema);

    /// <summary>The joins of this process, and those before them.</summary>
    public JoinLineage Lineage { get; } = new();

    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken) => dataSource.OpenConnectionAsync(cancellationToken);

    public ValueTask<NpgsqlConnection> OpenDirectAsync(CancellationToken cancellationToken) =>
        (direct ?? dataSource).OpenConnectionAsync(cancellationToken);

    /// <summary>Runs a batch that is run again and again: prepared, unless that is turned off.</summary>
    public async Task<NpgsqlDataReader> ExecuteAsync(NpgsqlBatch batch, CancellationToken cancellationToken)
    {
        if (Options.PreparedStatements)
        {
            await batch.PrepareAsync(cancellationToken).ConfigureAwait(false);
        }

        return await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs a batch that is run again and again, as one transaction, and reads what it answers.</summary>
    public Task<T> ReadPreparedAsync<T>(Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken) =>
        ConnectionRetry.RunAsync(
            OpenAsync,
            connection => ReadAsync(connection, build, batch => ExecuteAsync(batch, cancellationToken), read, cancellationToken),
            cancellationToken);

    /// <summary>Runs a batch, as one transaction, and reads what it answers.</summary>
    public Task<T> ReadAsync<T>(Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken) =>
        ConnectionRetry.RunAsync(OpenAsync, connection => ReadAsync(connection, build, read, cancellationToken), cancellationToken);

    /// <summary>Runs a query that changes nothing, or may be repeated.</summary>
    public Task<T> QueryAsync<T>(Func<NpgsqlConnection, Task<T>> query, CancellationToken cancellationToken) =>
        ConnectionRetry.RunAsync(OpenAsync, query, cancellationToken);

    /// <summary>The same on a connection that is there.</summary>
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
