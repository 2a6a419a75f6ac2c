using System.Security.Cryptography;
using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Coordinators;
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

    /// <summary>Joins, whoever has joined before.</summary>
    public async Task<Membership> RunAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        var token = new JoinToken(new Guid(RandomNumberGenerator.GetBytes(16)));
        Joined joined = (await JoinAsync(
            coordinator,
            batch => batch.Add(database.Statements.Join)
                .With(coordinator.Value).With(token.Value).With(Environment.MachineName).With(Environment.ProcessId),
            cancellationToken).ConfigureAwait(false))!;
        database.Lineage.Note(token, joined.Predecessors);
        return new Membership(coordinator, joined.Incarnation, token);
    }

    /// <summary>Joins again in place of a join that the database has lost, if no other process has joined since.</summary>
    /// <exception cref="CoordinatorFencedException">One has.</exception>
    public async Task<Membership> RunAgainAsync(Membership lost, CancellationToken cancellationToken)
    {
        var token = new JoinToken(new Guid(RandomNumberGenerator.GetBytes(16)));
        database.Lineage.NoteAttempt(lost.Token, token);
        Joined? joined = await JoinAsync(
            lost.Coordinator,
            batch =>
            {
                batch.Add(database.Statements.Rejoin, lost)
                    .With(Environment.MachineName).With(Environment.ProcessId)
                    .With(token.Value).With(lost.Incarnation.Value).With(database.Lineage.Of(lost.Token));
                batch.Add(database.Statements.KeepInHand)
                    .With(lost.Coordinator.Value).With(token.Value).With(lost.Incarnation.Value);
            },
            cancellationToken).ConfigureAwait(false);
        if (joined is null)
        {
            throw new CoordinatorFencedException(lost, await PresentAsync(lost.Coordinator, cancellationToken).ConfigureAwait(false));
        }

        database.Lineage.Note(token, joined.Predecessors);
        return new Membership(lost.Coordinator, joined.Incarnation, token);
    }

    /// <summary>Once more is harmless: a join in place of a join whose answer was lost is a join.</summary>
    private Task<Joined?> JoinAsync(CoordinatorId coordinator, Action<NpgsqlBatch> build, CancellationToken cancellationToken) =>
        ConnectionRetry.RunAsync(
            database.OpenAsync,
            async connection =>
            {
                int backend = await BeginAsync(connection, cancellationToken).ConfigureAwait(false);
                Task<Joined?> joining = JoinAsync(connection, coordinator, build, cancellationToken);
                while (await Task.WhenAny(joining, Task.Delay(Patience, time, cancellationToken)).ConfigureAwait(false) != joining
                    && !cancellationToken.IsCancellationRequested)
                {
                    await ClearTheWayAsync(coordinator, backend, cancellationToken).ConfigureAwait(false);
                }

                try
                {
                    return await joining.ConfigureAwait(false);
                }
                catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction)
                {
                    throw ReadOnly(refused);
                }
            },
            cancellationToken);

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

    /// <summary>Lock, join and commit in one batch: a process that is paused before the answer reaches it does not keep the lock.</summary>
    /// <returns>Null: the row was left as it is.</returns>
    private async Task<Joined?> JoinAsync(
        NpgsqlConnection connection, CoordinatorId coordinator, Action<NpgsqlBatch> build, CancellationToken cancellationToken)
    {
        using var commit = new CommitWatch(connection);
        var batch = new NpgsqlBatch(connection);
        await using (batch.ConfigureAwait(false))
        {
            batch.Add(database.Statements.LockExclusively).With(coordinator.Value);
            build(batch);
            batch.Add(Statements.Commit);
            NpgsqlDataReader reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                await reader.NextResultAsync(cancellationToken).ConfigureAwait(false); // the lock's
                Joined? joined = await reader.ReadAsync(cancellationToken).ConfigureAwait(false)
                    ? new Joined(new Incarnation(reader.GetInt64(0)), reader.GetFieldValue<Guid[]>(1))
                    : null;
                await commit.EnsureAsync(reader, cancellationToken).ConfigureAwait(false);
                return joined;
            }
        }
    }

    private static InvalidOperationException ReadOnly(PostgresException refused) => new(
        "Transactions are read-only here, so this process cannot join. Either 'default_transaction_read_only' is on for the server, the database, the "
        + "role or the connection: turn it off for the role of this service. Or the server is a standby: connect to the primary.",
        refused);

    private Task<Incarnation> PresentAsync(CoordinatorId coordinator, CancellationToken cancellationToken) => database.ReadAsync(
        batch => batch.Add(database.Statements.Present).With(coordinator.Value),
        async rows => (await rows.ListAsync(JoinRow.Of).ConfigureAwait(false)).FirstOrDefault().Incarnation,
        cancellationToken);

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

    private sealed record Joined(Incarnation Incarnation, Guid[] Predecessors);
}
