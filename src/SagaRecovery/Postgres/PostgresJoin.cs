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
            PostgresFence.RefuseStandby(await connection.ExecuteScalarAsync<bool>(
                new CommandDefinition("select pg_is_in_recovery()", cancellationToken: cancellationToken)).ConfigureAwait(false));

            int backend = connection.ProcessID;
            Task<long> joining = connection.ExecuteScalarAsync<long>(new CommandDefinition(
                database.Statements.Join,
                new { Id = coordinator.Value, Host = Environment.MachineName, ProcessId = Environment.ProcessId },
                cancellationToken: cancellationToken));
            while (await Task.WhenAny(joining, Task.Delay(Patience, time, cancellationToken)).ConfigureAwait(false) != joining
                && !cancellationToken.IsCancellationRequested)
            {
                await ClearTheWayAsync(coordinator, backend, cancellationToken).ConfigureAwait(false);
            }

            return new Membership(coordinator, new Incarnation(await joining.ConfigureAwait(false)));
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
