using System.Data;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Diagnostics;
using SagaRecovery.Status;

namespace SagaRecovery.Postgres;

/// <summary>
/// Creates or upgrades the tables while other processes work on them. Each step is a transaction of its own. An attempt waits for its locks for
/// <see cref="SchemaStep.LockTimeout"/> only; then it lets the queue behind it pass, and tries again.
/// </summary>
/// <remarks>
/// An attempt needs nothing of its session but one transaction, so that it works through a pooler. Nothing is locked in a pause. Indexes are built without
/// a transaction around them, by one process at a time.
/// </remarks>
internal sealed class SchemaUpgrade(PostgresDatabase database, IReadOnlyList<SchemaStep> steps, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Describes the sessions that have held a conflicting lock for at least the time of one attempt, the oldest first. <c>$1</c>: the tables;
    /// <c>$2</c>: the name of the lock against other processes. A role that may not see a session sees its process id and application only.
    /// </summary>
    private const string Blockers = """
        with held as (
            select distinct l.pid, l.virtualtransaction from pg_locks l
            where l.granted and l.pid is distinct from pg_backend_pid()
                and l.database = (select d.oid from pg_database d where d.datname = current_database())
                and ((l.locktype = 'relation' and l.relation in (select to_regclass(t) from unnest($1) as t))
                    or (l.locktype = 'advisory' and l.objsubid = 1 and ((l.classid::bigint << 32) | l.objid::bigint) = hashtext($2)))
        )
        select case
            when h.pid is null then format('prepared transaction %s', coalesce(quote_literal(p.gid), 'that is not visible'))
            else format('backend %s (%s, %s, since %s)', h.pid, coalesce(nullif(a.application_name, ''), a.backend_type, 'no name'),
                coalesce(a.state, a.backend_type, 'state not visible'), coalesce(to_char(a.xact_start at time zone 'UTC', 'HH24:MI:SS'), 'not visible'))
            end
        from held h left join pg_stat_activity a on a.pid = h.pid left join pg_prepared_xacts p on h.virtualtransaction = '-1/' || p.transaction::text
        where a.xact_start is null or a.xact_start < clock_timestamp() - interval '100 ms'
        order by a.xact_start nulls first
        limit 5
        """;

    /// <summary>
    /// Begins the transaction that has the turn to build indexes, and shows later that it still has it. It may be idle for as long as a build takes. It
    /// ends with a statement without a snapshot, which closes the portal of the query before: a build waits for snapshots.
    /// </summary>
    private const string HoldTurn = """
        select case when current_setting('transaction_timeout', true) is not null then set_config('transaction_timeout', '0', true) end;
        set local idle_in_transaction_session_timeout = 0;
        """;

    /// <summary>
    /// Finds an index. <c>$1</c>: the schema; <c>$2</c>: the name of the index. Returns whether it is valid, and the backend that builds it, or null. A
    /// backend builds on when its process is killed. Of other roles, the server shows which backends build an index, and not which one.
    /// </summary>
    private const string FindIndex = """
        select i.indisvalid, (
            select min(p.pid) from pg_stat_progress_create_index p join pg_locks l on l.pid = p.pid
            where l.locktype = 'relation' and l.relation = i.indrelid and l.database = p.datid and l.granted and l.mode = 'ShareUpdateExclusiveLock'
                and p.datname = current_database())
        from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = $1 and c.relname = $2
        """;

    private string Schema => database.Options.Schema;

    /// <summary>Creates or upgrades the tables. Does nothing, and takes no lock, if they are up to date.</summary>
    /// <exception cref="TimeoutException">The tables stayed locked for <see cref="PostgresStoreOptions.SchemaLockTimeout"/>.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        long began = time.GetTimestamp(); // of the present step
        string? logged = null;
        int refusals = 0;
        while (await RunNextAsync(cancellationToken).ConfigureAwait(false) is { IsLatest: false } attempt)
        {
            if (attempt.Blockers is not { } blockers)
            {
                (refusals, began) = (0, time.GetTimestamp());
                continue;
            }

            string purpose = string.Create(CultureInfo.InvariantCulture, $"the upgrade of schema '{Schema}' to version {attempt.Version}");
            TimeSpan left = database.Options.SchemaLockTimeout - time.GetElapsedTime(began);
            if (left <= TimeSpan.Zero)
            {
                string waited = PlainText.Duration(database.Options.SchemaLockTimeout);
                throw new TimeoutException($"Nothing was changed by {purpose}: " + (attempt.IsConcurrent
                    ? $"its indexes have been built by another session for {waited}: {blockers}. That locks no table. Repeat the upgrade when it has ended."
                    : $"its tables stayed locked for {waited}, by {blockers}. End those transactions, or repeat the upgrade when they have ended."));
            }

            if (logged != blockers)
            {
                Log.BlockedByLocks(logger, purpose, logged = blockers);
            }

            TimeSpan pause = PauseAfter(++refusals);
            await Task.Delay(pause < left ? pause : left, time, cancellationToken).ConfigureAwait(false); // the last attempt is at the end of the time
        }
    }

    /// <summary>Returns a growing pause, with jitter, since several processes may wait for one another.</summary>
    private static TimeSpan PauseAfter(int refusals)
    {
        TimeSpan pause = FirstPause * Math.Pow(1.5, Math.Min(refusals - 1, 20));
        return (pause < LongestPause ? pause : LongestPause) * (0.5 + Random.Shared.NextDouble());
    }

    /// <summary>Attempts the next step.</summary>
    private async Task<Attempt> RunNextAsync(CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await database.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            int present = (await SchemaVersion.ReadAsync(connection, Schema, cancellationToken).ConfigureAwait(false)).Version;
            if (steps[^1].Version <= present)
            {
                return Attempt.Done(steps[^1]);
            }

            SchemaStep next = steps[present];
            try
            {
                if (next.IsConcurrent && present > 0)
                {
                    return await RunInTurnAsync(connection, next, cancellationToken).ConfigureAwait(false);
                }

                await ApplyAsync(connection, present, next, cancellationToken).ConfigureAwait(false);
                return Attempt.Made(next); // the next attempt reads the version again
            }
            catch (PostgresException locked) when (locked.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
            {
                await RollBackAsync(connection, cancellationToken).ConfigureAwait(false);
                return Attempt.Blocked(next, await FindBlockersAsync(connection, next, cancellationToken).ConfigureAwait(false));
            }
            catch
            {
                await RollBackAsync(connection, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw;
            }
        }
    }

    /// <summary>Creates the tables or applies one step, unless another process was faster.</summary>
    private async Task ApplyAsync(NpgsqlConnection connection, int present, SchemaStep next, CancellationToken cancellationToken)
    {
        await ExecuteAsync(connection, present == 0 ? SchemaStep.BeginCreation(Schema) : next.Begin(Schema), cancellationToken).ConfigureAwait(false);

        // Behind the lock: what was read before may be out of date.
        SchemaState state = await SchemaVersion.ReadAsync(connection, Schema, cancellationToken).ConfigureAwait(false);
        if (state.Version == present)
        {
            string changes = present == 0 ? SchemaScripts.Creation(Schema, steps) : next.Apply(Schema);
            await ExecuteAsync(connection, changes, cancellationToken).ConfigureAwait(false);
        }

        await ExecuteAsync(connection, Statements.Commit, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Runs a concurrent step unless another process was faster. A transaction on a second connection holds the lock against other processes, since the
    /// statements of the step run outside of one. If it ends early, by a time-out of a pooler or an operator, the next attempt goes on after the
    /// indexes that were built.
    /// </summary>
    private async Task<Attempt> RunInTurnAsync(NpgsqlConnection connection, SchemaStep step, CancellationToken cancellationToken)
    {
        NpgsqlConnection turn = await database.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (turn.ConfigureAwait(false))
        {
            try
            {
                await ExecuteAsync(turn, SchemaStep.BeginCreation(Schema), cancellationToken).ConfigureAwait(false);
                if ((await SchemaVersion.ReadAsync(connection, Schema, cancellationToken).ConfigureAwait(false)).Version == step.Version - 1)
                {
                    foreach (SchemaStatement statement in step.Split(Schema))
                    {
                        await ExecuteAsync(turn, HoldTurn, cancellationToken).ConfigureAwait(false);
                        if (await RunConcurrentlyAsync(connection, statement, cancellationToken).ConfigureAwait(false) is { } builder)
                        {
                            await RollBackAsync(turn, cancellationToken).ConfigureAwait(false);
                            return Attempt.Blocked(step, builder);
                        }
                    }

                    await ExecuteAsync(turn, step.Record(Schema), cancellationToken).ConfigureAwait(false);
                }

                await ExecuteAsync(turn, Statements.Commit, cancellationToken).ConfigureAwait(false);
                return Attempt.Made(step);
            }
            catch (NpgsqlException) when (turn.State != ConnectionState.Open && connection.State == ConnectionState.Open)
            {
                return Attempt.Made(step);
            }
            catch
            {
                await RollBackAsync(turn, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw;
            }
        }
    }

    /// <summary>
    /// Builds or drops an index without blocking a writer. The build of an index on a large table takes minutes, and waits for all transactions that
    /// are older. An attempt that was cut short leaves an invalid index, which is dropped first.
    /// </summary>
    /// <returns>Null, or a description of the backend that builds this index already.</returns>
    private async Task<string?> RunConcurrentlyAsync(NpgsqlConnection connection, SchemaStatement statement, CancellationToken cancellationToken)
    {
        if (statement.Index is { } index)
        {
            (bool isInvalid, int? builder) = await FindIndexAsync(connection, index, cancellationToken).ConfigureAwait(false);
            if (isInvalid && builder is { } pid)
            {
                return string.Create(CultureInfo.InvariantCulture, $"backend {pid}, which builds {index}");
            }

            if (isInvalid)
            {
                await ExecuteAsync(connection, $"drop index concurrently if exists {Schema}.{index}", cancellationToken).ConfigureAwait(false);
            }

            Log.BuildingIndex(logger, index, Schema);
        }

        await ExecuteAsync(connection, statement.Sql, cancellationToken).ConfigureAwait(false);
        return null;
    }

    private async Task<(bool IsInvalid, int? Builder)> FindIndexAsync(NpgsqlConnection connection, string index, CancellationToken cancellationToken) =>
        await PostgresDatabase.ReadAsync(
            connection,
            batch => batch.Add(FindIndex).With(Schema).With(index),
            async rows => (await rows.ListAsync(row => (!row.GetBoolean(0), row.IsDBNull(1) ? (int?)null : row.GetInt32(1))).ConfigureAwait(false)).SingleOrDefault(),
            cancellationToken).ConfigureAwait(false);

    private async Task<string> FindBlockersAsync(NpgsqlConnection connection, SchemaStep step, CancellationToken cancellationToken)
    {
        List<string> blockers = await PostgresDatabase.ReadAsync(
            connection,
            batch => batch.Add(Blockers).With(step.Locks.Select(table => $"{Schema}.{table}").ToArray()).With(SchemaStep.LockName(Schema)),
            rows => rows.ListAsync(row => row.GetString(0)),
            cancellationToken).ConfigureAwait(false);
        return blockers.Count > 0 ? string.Join("; ", blockers) : "transactions that have ended since";
    }

    private static async Task RollBackAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        await ExecuteAsync(connection, "rollback", cancellationToken).ConfigureAwait(false);

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 }; // waits for locks are bounded, and the build of an index takes its time
        await using (command.ConfigureAwait(false))
        {
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The result of an attempt.</summary>
    /// <param name="Version">The version of the tables, or the one that the attempt failed to reach.</param>
    /// <param name="IsLatest">True if no step is left.</param>
    /// <param name="IsConcurrent">True if the step builds indexes.</param>
    /// <param name="Blockers">The holders of the locks; null if the attempt got them.</param>
    private sealed record Attempt(int Version, bool IsLatest, bool IsConcurrent, string? Blockers)
    {
        public static Attempt Done(SchemaStep last) => new(last.Version, IsLatest: true, last.IsConcurrent, Blockers: null);

        public static Attempt Made(SchemaStep step) => new(step.Version, IsLatest: false, step.IsConcurrent, Blockers: null);

        public static Attempt Blocked(SchemaStep step, string blockers) => new(step.Version, IsLatest: false, step.IsConcurrent, blockers);
    }
}
