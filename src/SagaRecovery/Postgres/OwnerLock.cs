using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Diagnostics;

namespace SagaRecovery.Postgres;

/// <summary>
/// Transactions that take from a coordinator: a join, a reassignment, an operator's change of a saga. They lock its writers out, which waits
/// for the writes under way, and say what they wait for. A writer that was stopped in the middle of its write would keep them waiting for
/// ever: its connection is ended.
/// </summary>
internal sealed class OwnerLock(PostgresDatabase database, TimeProvider time, ILogger<OwnerLock> logger)
{
    /// <summary>How long to wait before looking at who is in the way, each time.</summary>
    public TimeSpan CheckInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How old a transaction is whose client is taken to have stopped. Writes take milliseconds.</summary>
    public TimeSpan Stalled { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Runs a batch, from its locks to its commit: a process that is paused before the answer reaches it does not keep the locks. Once more
    /// must be harmless.
    /// </summary>
    /// <param name="purpose">For people: what waits.</param>
    /// <param name="build">Adds the statements, those that lock first.</param>
    /// <param name="read">Reads what they answer.</param>
    /// <param name="cancellationToken">Gives up waiting; what was sent may still take effect.</param>
    /// <exception cref="NpgsqlException">There was no answer, or one that a fail-over could undo.</exception>
    public Task<T> RunAsync<T>(
        string purpose, Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken) => ConnectionRetry.RunAsync(
        database.OpenAsync,
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

    /// <summary>Runs statements that end with <see cref="Statements.Commit"/>, once.</summary>
    /// <param name="purpose">For people: what waits.</param>
    /// <param name="work">Runs them, in the transaction that is open.</param>
    /// <param name="cancellationToken">Gives up waiting; what was sent may still take effect.</param>
    public Task<T> RunOnceAsync<T>(string purpose, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        ConnectionRetry.RunOnceAsync(
            database.OpenAsync, connection => WatchAsync(purpose, connection, () => work(connection), cancellationToken), cancellationToken);

    private async Task<T> WatchAsync<T>(string purpose, NpgsqlConnection connection, Func<Task<T>> work, CancellationToken cancellationToken)
    {
        int backend = await BeginAsync(connection, cancellationToken).ConfigureAwait(false);
        Task<T> working = work();
        while (await Task.WhenAny(working, Task.Delay(CheckInterval, time, cancellationToken)).ConfigureAwait(false) != working
            && !cancellationToken.IsCancellationRequested)
        {
            await ClearTheWayAsync(purpose, backend, cancellationToken).ConfigureAwait(false);
        }

        return await working.ConfigureAwait(false);
    }

    /// <summary>Opens the transaction, which keeps one backend for us even behind a pooler, and locks nothing yet.</summary>
    /// <returns>The backend's process id.</returns>
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

    private async Task ClearTheWayAsync(string purpose, int backend, CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await database.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            string? blockers = await connection.ExecuteScalarAsync<string>(new CommandDefinition(
                database.Statements.Blockers, new { ProcessId = backend }, cancellationToken: cancellationToken)).ConfigureAwait(false);
            if (!string.IsNullOrEmpty(blockers))
            {
                Log.BlockedByLocks(logger, purpose, blockers);
            }

            long ended = await connection.ExecuteScalarAsync<long>(new CommandDefinition(
                database.Statements.EndStalledBlockers, new { ProcessId = backend, Stalled }, cancellationToken: cancellationToken)).ConfigureAwait(false);
            if (ended > 0)
            {
                Log.StalledWritersEnded(logger, ended);
            }
        }
    }
}
