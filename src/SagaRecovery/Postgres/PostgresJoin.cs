using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Diagnostics;

namespace SagaRecovery.Postgres;

/// <summary>
/// Joining under a coordinator id. It waits for the writes under way of the process it takes over from, and says what it waits for. A
/// writer that was stopped in the middle of its write would keep it waiting for ever: its connection is ended.
/// </summary>
internal sealed class PostgresJoin(PostgresDatabase database, TimeProvider time, ILogger<PostgresSagaStore> logger)
{
    /// <summary>How long to wait before looking at who is in the way, each time.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How old a transaction is whose client is taken to have stopped. Writes take milliseconds.</summary>
    public TimeSpan Stalled { get; init; } = TimeSpan.FromSeconds(5);

    public async Task<Membership> RunAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await database.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            int backend = await BeginAsync(connection, cancellationToken).ConfigureAwait(false);
            Task<long> joining = JoinAsync(connection, coordinator, cancellationToken);
            while (await Task.WhenAny(joining, Task.Delay(Patience, time, cancellationToken)).ConfigureAwait(false) != joining
                && !cancellationToken.IsCancellationRequested)
            {
                await ClearTheWayAsync(coordinator, backend, cancellationToken).ConfigureAwait(false);
            }

            return new Membership(coordinator, new Incarnation(await joining.ConfigureAwait(false)));
        }
    }

    /// <summary>Opens the transaction, which keeps one backend for us even behind a pooler, and locks nothing yet.</summary>
    /// <returns>The backend's process id.</returns>
    private async Task<int> BeginAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var batch = new NpgsqlBatch(connection);
        await using (batch.ConfigureAwait(false))
        {
            batch.Add(database.Statements.BeginJoin);
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

    /// <summary>Join and commit in one batch: a process that is paused before the answer reaches it does not keep the row.</summary>
    private async Task<long> JoinAsync(NpgsqlConnection connection, CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        using var commit = new CommitWatch(connection);
        var batch = new NpgsqlBatch(connection);
        await using (batch.ConfigureAwait(false))
        {
            batch.Add(database.Statements.Join).With(coordinator.Value).With(Environment.MachineName).With(Environment.ProcessId);
            batch.Add(database.Statements.Commit);
            NpgsqlDataReader reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                long incarnation = reader.GetInt64(0);
                await commit.EnsureAsync(reader, cancellationToken).ConfigureAwait(false);
                return incarnation;
            }
        }
    }

    private async Task ClearTheWayAsync(CoordinatorId coordinator, int backend, CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await database.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            string? blockers = await connection.ExecuteScalarAsync<string>(new CommandDefinition(
                database.Statements.Blockers, new { ProcessId = backend }, cancellationToken: cancellationToken)).ConfigureAwait(false);
            if (!string.IsNullOrEmpty(blockers))
            {
                Log.JoinWaits(logger, coordinator, blockers);
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
