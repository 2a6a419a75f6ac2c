using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Diagnostics;

namespace SagaRecovery.Postgres;

/// <summary>
/// Runs transactions that take something from a coordinator: a join, a reassignment, an operator's change of a saga. Such a transaction
/// waits for the coordinator's writes in flight, logs what it waits for, and blocks later writes. A writer whose process has stalled in the
/// middle of a write would block it indefinitely, so the connection of that writer is ended.
/// </summary>
internal sealed class OwnerLock(PostgresDatabase database, TimeProvider time, ILogger<OwnerLock> logger)
{
    /// <summary>The interval between two checks for blocking transactions.</summary>
    public TimeSpan CheckInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The age at which an idle transaction counts as stalled. Writes take milliseconds.</summary>
    public TimeSpan Stalled { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Runs a batch that contains its locks and its commit, so that a process that pauses before the answer does not keep the locks. The
    /// batch may run more than once, and a repeat must be harmless.
    /// </summary>
    /// <param name="purpose">The purpose of the transaction, for the log.</param>
    /// <param name="build">Adds the statements, the locks first.</param>
    /// <param name="read">Reads the results.</param>
    /// <param name="cancellationToken">Cancels the wait. Statements that were sent may still take effect.</param>
    /// <exception cref="NpgsqlException">No answer arrived, or a fail-over may undo the commit.</exception>
    public Task<T> RunAsync<T>(
        string purpose, Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken) => ConnectionRetry.RunAsync(
        database.Pool,
        connection => WatchAsync(
            purpose,
            connection,
            () => CommitWatch.RunAsync(
                connection,
                build,
                batch => batch.ExecuteReaderAsync(cancellationToken),
                reader => read(new PostgresRows(reader, cancellationToken)),
                cancellationToken),
            cancellationToken),
        cancellationToken);

    /// <summary>Runs statements that end with <see cref="Statements.Commit"/>, and repeats them only if they had no effect.</summary>
    /// <param name="purpose">The purpose of the transaction, for the log.</param>
    /// <param name="work">Runs the statements in the open transaction.</param>
    /// <param name="cancellationToken">Cancels the wait. Statements that were sent may still take effect.</param>
    public Task<T> RunOnceAsync<T>(string purpose, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        ConnectionRetry.RunOnceAsync(
            database.Pool, connection => WatchAsync(purpose, connection, () => work(connection), cancellationToken), cancellationToken);

    private async Task<T> WatchAsync<T>(string purpose, NpgsqlConnection connection, Func<Task<T>> work, CancellationToken cancellationToken)
    {
        int backend = await BeginAsync(connection, cancellationToken).ConfigureAwait(false);
        Task<T> working = work();
        while (await Task.WhenAny(working, Task.Delay(CheckInterval, time, cancellationToken)).ConfigureAwait(false) != working
            && !cancellationToken.IsCancellationRequested)
        {
            await ClearBlockersAsync(purpose, backend, cancellationToken).ConfigureAwait(false);
        }

        return await working.ConfigureAwait(false);
    }

    /// <summary>Opens the transaction. It takes no lock yet, and keeps one backend to itself even behind a pooler.</summary>
    /// <returns>The process id of the backend.</returns>
    private async Task<int> BeginAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var batch = new NpgsqlBatch(connection);
        await using (batch.ConfigureAwait(false))
        {
            batch.Add(Statements.Begin);
            batch.Add(database.Statements.Backend);
            NpgsqlDataReader reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                PostgresFence.RefuseStandby(reader.GetBoolean(1));
                return reader.GetInt32(0);
            }
        }
    }

    private async Task ClearBlockersAsync(string purpose, int backend, CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await database.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            NamedParameters parameters = new NamedParameters().With("ProcessId", backend).With("Stalled", Stalled);
            List<string?> blockers = await parameters.ListAsync(
                connection, database.Statements.Blockers, row => row.IsDBNull(0) ? null : row.GetString(0), cancellationToken).ConfigureAwait(false);
            if (blockers is [{ Length: > 0 } found, ..])
            {
                Log.BlockedByLocks(logger, purpose, found);
            }

            List<long> ended = await parameters.ListAsync(
                connection, database.Statements.EndStalledBlockers, row => row.GetInt64(0), cancellationToken).ConfigureAwait(false);
            if (ended is [> 0 and var count])
            {
                Log.StalledWritersEnded(logger, count);
            }
        }
    }
}
