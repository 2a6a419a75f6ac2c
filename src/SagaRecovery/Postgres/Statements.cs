namespace SagaRecovery.Postgres;

/// <summary>
/// The statements of the store and the log. The schema name is a validated setting and part of the text; everything else is a parameter.
/// <c>$1</c> is the coordinator's id, and <c>$2</c> the token of its join, unless a comment says otherwise.
/// </summary>
/// <remarks>
/// A batch that writes begins with <see cref="Begin"/>. A decision behind a lock then uses a snapshot taken after the lock, at any default
/// isolation level of the database, the role or the connection. See docs/decisions/0002-fencing-by-the-owners-row.md.
/// </remarks>
internal sealed partial class Statements(string schema)
{
    /// <summary>Begins every batch that decides something behind a lock. The batch ends with <see cref="Commit"/>, and is sent as a whole.</summary>
    public const string Begin = "begin isolation level read committed";

    /// <summary>The number of predecessors that a join keeps; see <see cref="JoinLineage"/>.</summary>
    private const string KeptPredecessors = "64";

    /// <summary>
    /// Joins, behind <see cref="LockExclusively"/>. <c>$2</c>: the new token; <c>$3, $4</c>: host and process id. Returns the incarnation, the
    /// tokens of the preceding joins, and the process of the last one with the time since its last heartbeat, unless that process has shut
    /// down.
    /// </summary>
    public string Join { get; } = In(schema, $$"""
        with previous as (
            select host, process_id, clock_timestamp() - time_seen as silence
            from {schema}.saga_coordinator where id = $1 and token <> $2 and time_left is null
        ), joined as (
            insert into {schema}.saga_coordinator as c (id, token, incarnation, host, process_id, server_start, table_id)
            values ($1, $2, 1, $3, $4, pg_postmaster_start_time(), {{TableId}})
            on conflict (id) do update
                set incarnation = c.incarnation + 1, token = excluded.token, server_start = excluded.server_start, table_id = excluded.table_id,
                    predecessors = (c.token || c.predecessors)[1:{{KeptPredecessors}}],
                    host = excluded.host, process_id = excluded.process_id, time_joined = now(),
                    previous_time_seen = case when c.token = excluded.token then c.previous_time_seen else c.time_seen end,
                    previous_time_left = case when c.token = excluded.token then c.previous_time_left else c.time_left end,
                    previous_time_joined = case when c.token = excluded.token then c.previous_time_joined else c.time_joined end,
                    time_seen = clock_timestamp(), time_left = null,
                    time_draining = null, time_taken_over = null
            returning incarnation, predecessors
        )
        select joined.incarnation, joined.predecessors, previous.host, previous.process_id, previous.silence
        from joined left join previous on true
        """);

    /// <summary>
    /// Joins again, behind <see cref="LockExclusively"/>, after the database has lost the join or was restarted. It changes nothing if
    /// another process has joined since. <c>$2</c>: the lost token; <c>$3, $4</c>: host and process id; <c>$5</c>: the new token; <c>$6</c>:
    /// the lost incarnation; <c>$7</c>: the lost token and its predecessors. A process never gets the same incarnation twice, even if the
    /// database has forgotten it. After an attempt whose answer was lost, the next one has the same token and keeps the incarnation.
    /// </summary>
    public string Rejoin { get; } = In(schema, $$"""
        insert into {schema}.saga_coordinator as c (id, token, incarnation, host, process_id, server_start, table_id)
        values ($1, $5, $6 + 1, $3, $4, pg_postmaster_start_time(), {{TableId}})
        on conflict (id) do update
            set incarnation = case when c.token = $5 then c.incarnation else greatest(c.incarnation, $6) + 1 end, token = excluded.token, server_start = excluded.server_start, table_id = excluded.table_id,
                predecessors = (c.token || c.predecessors)[1:{{KeptPredecessors}}],
                host = excluded.host, process_id = excluded.process_id, time_joined = now(), time_seen = clock_timestamp(), time_left = null,
                time_draining = case when c.token in ($2, $5) then c.time_draining end, time_taken_over = null
            where c.token = any ($7)
        returning incarnation, predecessors
        """);

    /// <summary>
    /// Moves the sagas that this process has in flight to its new incarnation, after <see cref="Rejoin"/>. <c>$2</c>: the new token;
    /// <c>$3</c>: the lost incarnation.
    /// </summary>
    public string KeepInFlight { get; } = In(schema, """
        update {schema}.saga_in_flight h set incarnation = c.incarnation
        from {schema}.saga_coordinator c
        where c.id = $1 and c.token = $2 and h.coordinator_id = $1 and h.incarnation >= $3
        """);

    /// <summary>
    /// Returns the backend of a transaction that takes something from a coordinator. It follows <see cref="Begin"/> and takes no lock.
    /// Behind a pooler, the backend is not that of the connection. Such a transaction may wait for a stalled writer, so it turns off the
    /// time-outs that an administrator has set for statements. The time-out of the client still applies.
    /// </summary>
    public string Backend { get; } = $"""
        {NoLoadBalance} select pg_backend_pid(), pg_is_in_recovery(),
            set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true),
            case when current_setting('transaction_timeout', true) is not null then set_config('transaction_timeout', '0', true) end
        """;

    /// <summary>Ends a batch. It is sent with the batch, so a client that stalls in between holds no lock.</summary>
    public const string Commit = "commit";

    /// <summary>Describes the backends that block a backend.</summary>
    public string Blockers { get; } = """
        select coalesce(string_agg(format('backend %s (%s, %s, since %s)', pid, coalesce(nullif(application_name, ''), 'no name'), state,
                   to_char(xact_start at time zone 'UTC', 'HH24:MI:SS')), '; '), '')
        from pg_stat_activity where pid = any (pg_blocking_pids(@ProcessId))
        """;

    /// <summary>
    /// Ends the backends of the same role that block a transaction because their client has stalled in the middle of one. Their writes are
    /// rolled back. If their process resumes, it finds itself fenced.
    /// </summary>
    public string EndStalledBlockers { get; } = """
        select count(pg_terminate_backend(pid)) from pg_stat_activity
        where pid = any (pg_blocking_pids(@ProcessId)) and usename = current_user
            and wait_event = 'ClientRead' and clock_timestamp() - xact_start > @Stalled
        """;

    /// <summary>
    /// Returns the current join; see <see cref="JoinRow"/>. It runs behind the fence and before every read of recovery. It also makes later
    /// statements of the transaction use indexes and turns off JIT compilation. For a page of a few hundred sagas, the planner would
    /// otherwise scan a log of a hundred thousand events and compile an expression for the scan.
    /// </summary>
    public string CurrentJoin { get; } = In(schema, $$"""
        select c.token, {{PlaceOf("c")}}, c.incarnation, set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true), {{WithWarnings}}
        from {schema}.saga_coordinator c where c.id = $1
        """);

    /// <summary>
    /// Turns off JIT compilation before a statement that reads many sagas but runs seldom, or that the planner takes for one. Compilation can take
    /// longer than the statement.
    /// </summary>
    public string WithoutCompilation { get; } = "select set_config('jit', 'off', true)";

    /// <summary>
    /// Lists one page of candidates in the order of the index saga_unfinished; see <see cref="UnfinishedSagas"/>. The first row is the join, as
    /// seen by the same statement, with the number of the first transaction that its snapshot does not show, and that from which on it lists all sagas.
    /// A pooler may send each statement of a batch to a different server, so each statement returns the place where it ran. <c>$2, $3</c>: the last <c>adopt_xid</c> and id of the previous
    /// page; <c>$4</c>: the page size.
    /// </summary>
    public string ListPage { get; } = In(schema, $$"""
        (select c.token as id, {{PlaceOf("c")}} as name, c.incarnation as adopt_generation, {{UnfinishedSagas.FirstUnseen}} as adopt_xid,
            (select max(r.low) from {{UnfinishedSagas.RangesOf("$1", UnfinishedSagas.IsFresh)}}) as listed_from, null::bytea as definition_hash
         from {schema}.saga_coordinator c where c.id = $1 and {{OnThePrimary}})
        union all
        ({{UnfinishedSagas.PageAfter("s.id, s.name, s.adopt_generation, s.adopt_xid, null::bigint, s.definition_hash", "$1", "$2", "$3", "$4", UnfinishedSagas.IsFresh)}})
        """);

    /// <summary>Stores what a listing found, so that the next one skips what has ended; see <see cref="UnfinishedSagas.Remember"/>.</summary>
    public string RememberListing { get; } = In(schema, UnfinishedSagas.Remember);

    /// <summary>
    /// Loads the sagas that this coordinator still owns and that are unfinished, after a first row as in <see cref="ListPage"/>. <c>$2</c>:
    /// their ids.
    /// </summary>
    public string LoadSagas { get; } = In(schema, $$"""
        (select c.token as id, {{PlaceOf("c")}} as state, c.incarnation as adopt_generation, null::bytea as definition_hash, null::json as params,
            null::timestamptz as deadline, null::timestamptz as cancel_time, null::text as cancel_actor, null::text as cancel_reason
         from {schema}.saga_coordinator c where c.id = $1 and {{OnThePrimary}})
        union all
        (select id, state, adopt_generation, definition_hash, params, deadline, cancel_time, cancel_actor, cancel_reason from {schema}.saga s
         where id = any ($2) and {{AfterProbe($"current_coordinator = $1 and {UnfinishedSagas.IsUnfinished}")}})
        """);

    public string LoadDefinitions { get; } = In(schema, "select hash, name, version, dag from {schema}.saga_definition where hash = any ($1)");

    /// <summary>Loads the events of sagas, after a first row as in <see cref="ListPage"/> with 0 for the node. <c>$2</c>: the ids of the sagas.</summary>
    public string LoadEvents { get; } = In(schema, $$"""
        (select c.token as saga_id, 0 as node_id, {{PlaceOf("c")}} as event_type, null::json as data
         from {schema}.saga_coordinator c where c.id = $1 and {{OnThePrimary}})
        union all
        (select saga_id, node_id, event_type, data from {schema}.saga_node_event where saga_id = any ($2))
        """);

    /// <summary>Finds the sagas that exist, with any owner, after a first row as in <see cref="ListPage"/>. <c>$2</c>: the ids to find.</summary>
    public string FindStored { get; } = In(schema, $$"""
        (select c.token as id, {{PlaceOf("c")}} as state, c.incarnation
         from {schema}.saga_coordinator c where c.id = $1 and {{OnThePrimary}})
        union all
        (select id, state, 0 from {schema}.saga where id = any ($2))
        """);

    /// <summary>
    /// Takes the shared lock of the fence. It is the first statement of every transaction that writes about a saga of coordinator <c>$1</c>.
    /// It waits for a transaction that takes something from the coordinator, or makes that one wait until the write is done. The next
    /// statement has a fresh snapshot.
    /// </summary>
    /// <remarks>
    /// The lock is an advisory lock, not a row lock. Shared row locks cost a MultiXactId for each overlap, and can overtake a transaction
    /// that waits for the exclusive lock. The settings make the planner find each saga by its id. A plan made while the tables are small
    /// is kept when they have grown, and would then scan them for each write.
    /// </remarks>
    public string Lock { get; } = In(schema, $"""
        select pg_advisory_xact_lock_shared({KeyOf("$1")}), {Durably},
            set_config('enable_seqscan', 'off', true), set_config('enable_mergejoin', 'off', true)
        """);

    /// <summary>
    /// Takes the exclusive lock of the fence, for a transaction that takes something from a coordinator. It waits for writes in flight and
    /// blocks later ones; see <see cref="Lock"/>.
    /// </summary>
    public string LockExclusively { get; } = In(schema, $"""
        select pg_advisory_xact_lock({KeyOf("$1")}), {Durably}
        """);

    /// <summary>
    /// Limits the waits for locks in the rest of a transaction that inserts sagas. An open transaction of a caller may start a saga with the same
    /// id, and the insert would wait for it together with unrelated sagas, and with the lock of the fence.
    /// </summary>
    public const string LimitLockWait = "set local lock_timeout = '250ms'";

    /// <summary>
    /// Finds the refused entries that are already in the log, and returns their ordinals. Their answer was lost, and their saga has ended
    /// since and accepts no entries. <c>$2..$4</c> are parallel arrays: saga, generation and new state of each entry. So are <c>$5..$7</c>:
    /// ordinal of the entry, node and type of each event. An unfinished state that came with events may have been replaced since. An entry without
    /// contents only asks whether the saga is owned.
    /// </summary>
    public string FindAlreadyWritten { get; } = In(schema, $$"""
        select e.ordinal
        from unnest($2, $3, $4) with ordinality as e (saga_id, generation, new_state, ordinal)
        join {schema}.saga s on s.id = e.saga_id and {{AfterProbe("s.current_coordinator = $1 and s.adopt_generation = e.generation")}}
        where (e.new_state is not null or e.ordinal = any ($5)) and (e.new_state is null or e.new_state = s.state or (e.new_state in ('running', 'unwinding') and e.ordinal = any ($5)))
            and not exists (
                select from unnest($5, $6, $7) as n (ordinal, node_id, event_type)
                where n.ordinal = e.ordinal and not exists (
                    select from {schema}.saga_node_event w
                    where w.saga_id = e.saga_id and w.node_id = n.node_id and w.event_type = n.event_type))
        """);

    public string Abandon { get; } = In(schema, $$"""
        update {schema}.saga s set state = 'abandoned', {{RetentionStatements.TimeEnded("'abandoned'")}}, abandon_time = now(), abandon_reason = $5, abandon_comment = $6
        where id = $3 and {{AfterProbe($"current_coordinator = $1 and adopt_generation = $4 and {UnfinishedSagas.IsUnfinished}")}} and {{IsMember}}
        returning id
        """);

    /// <summary>Returns the definitions that exist. A fail-over or a restore may have lost one. <c>$1</c>: the hashes.</summary>
    public string KnownDefinitions { get; } = In(schema, "select hash from {schema}.saga_definition where hash = any ($1)");

    /// <summary>
    /// Finds the sagas that an earlier attempt inserted and whose answer was lost: the row is the same saga, unchanged since its insert.
    /// <c>$2..$4</c> are parallel arrays: id, definition and parameters. So are <c>$5..$7</c>: saga, node and type of each of their first events.
    /// </summary>
    public string FindInsertedBefore { get; } = In(schema, $$"""
        select s.id from unnest($2, $3, $4) as n (id, hash, params)
        join {schema}.saga s on s.id = n.id
        where {{AfterProbe("s.creator = $1 and s.definition_hash = n.hash and s.current_coordinator = $1 and s.adopt_generation = 1 and s.state = 'running'")}}
            and s.params::text = n.params::text
            and not exists (
                select from {schema}.saga_node_event e
                where e.saga_id = s.id and (e.saga_id, e.node_id, e.event_type) not in (select * from unnest($5, $6, $7)))
        """);

    /// <summary>
    /// Restores a saga from everything that its run knows, after the database may have lost some of it. <c>$3, $4</c>: saga and generation;
    /// <c>$5</c>: state; <c>$6..$8</c> are parallel arrays: node, type and data of each event; <c>$9..$11</c>: time, actor and reason of its
    /// cancellation, or nulls; <c>$12, $13</c> are parallel arrays: node and type of each event that must not be restored; <c>$14, $15</c>: of each
    /// that the log may have although the run does not know it; <c>$16, $17</c>: node and error code of the failure, or nulls. Refused if the log has another event or a cancellation that the run does not know, or
    /// lacks one that must not be restored. Then the log is authoritative.
    /// </summary>
    public string Restore { get; } = In(schema, $$"""
        with owned as materialized (
            select s.id from {schema}.saga s
            where s.id = $3 and {{AfterProbe($"s.current_coordinator = $1 and s.adopt_generation = $4 and ({UnfinishedSagas.IsUnfinished} or s.state = $5)")}}
                and {{IsMember}}
        ), unknown as materialized (
            select from {schema}.saga_node_event e
            where e.saga_id = $3 and (e.node_id, e.event_type) not in (select * from unnest($6, $7) union all select * from unnest($14, $15))
            union all
            select from {schema}.saga s where s.id = $3 and $5 = 'succeeded' and s.state <> $5 and s.cancel_time is not null
            union all
            select from unnest($12, $13) as w (node_id, event_type)
            where (w.node_id, w.event_type) not in (select e.node_id, e.event_type from {schema}.saga_node_event e where e.saga_id = $3)
        ), events as (
            insert into {schema}.saga_node_event (saga_id, node_id, event_type, data, creator)
            select o.id, n.node_id, n.event_type, n.data, $1 from owned o, unnest($6, $7, $8) as n (node_id, event_type, data)
            where not exists (select from unknown)
            on conflict (saga_id, node_id, event_type) do nothing
        ), changed as (
            update {schema}.saga s
            set state = $5, {{RetentionStatements.TimeEnded("$5")}}, cancel_time = coalesce(s.cancel_time, $9), cancel_actor = coalesce(s.cancel_actor, $10),
                cancel_reason = coalesce(s.cancel_reason, $11),
                failed_node = case when $17::text is null then s.failed_node else $16 end, error_code = coalesce($17, s.error_code)
            from owned o
            where s.id = o.id and (s.state <> $5 or (s.cancel_time is null and $9 is not null)) and not exists (select from unknown)
        )
        select case when not exists (select from {schema}.saga where id = $3) then 'lost'
            when not exists (select from owned) then 'not_ours'
            when exists (select from unknown) then 'superseded'
            else 'restored' end
        """);

    /// <summary>The condition that the join of <c>$1</c> and <c>$2</c> is the current one and was made on this run of the server.</summary>
    public static readonly string IsMember = $$"""
        exists (select from {schema}.saga_coordinator c where c.id = $1 and c.token = $2 and {{WasMadeHere("c")}})
        """;

    /// <summary>The id of the coordinator table. A table restored from a dump has another id, although its rows are the same.</summary>
    internal const string TableId = "'{schema}.saga_coordinator'::regclass";

    /// <summary>A comment that makes pgpool-II send the statement to the primary.</summary>
    internal const string NoLoadBalance = "/*NO LOAD BALANCE*/";

    /// <summary>
    /// A condition that is always true and that poolers take for a write by default. It also rules out parallel workers, which keeps the
    /// first row of a statement first. The first row refuses a statement that reaches a standby nevertheless.
    /// </summary>
    internal const string OnThePrimary = "set_config('jit', 'off', true) is not null";

    /// <summary>Settings that make the commit durable on disk, and on a synchronous standby, against any default of the role.</summary>
    public const string Durably = $"""
        set_config('synchronous_commit', case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, true),
            {WithWarnings}
        """;

    /// <summary>The setting that lets warnings reach the client. <see cref="CommitWatch"/> needs the warning of an unreplicated commit.</summary>
    private const string WithWarnings = "set_config('client_min_messages', 'warning', true)";

    /// <summary>Returns a statement for the configured schema, marked for the primary.</summary>
    public static string In(string schema, string statement) => $"{NoLoadBalance} {Named(schema, statement)}";

    public static string Named(string schema, string text) => text.Replace("{schema}", schema, StringComparison.Ordinal);

    /// <summary>Returns the key of a coordinator's advisory lock. The coordinator's row need not exist.</summary>
    public static string KeyOf(string coordinator) => $"hashtextextended({coordinator}::uuid::text, hashtextextended('{{schema}}', 0))";

    /// <summary>Returns the condition that a row's join was made on this run of this server, in this table.</summary>
    public static string WasMadeHere(string coordinator) =>
        $"{coordinator}.server_start = pg_postmaster_start_time() and {coordinator}.table_id = {coordinator}.tableoid";

    /// <summary>Returns the expression for the place of a row's join, relative to where the statement runs; see <see cref="JoinRow"/>.</summary>
    private static string PlaceOf(string coordinator) => $"""
        case when pg_is_in_recovery() then '{JoinRow.Standby}' when current_setting('transaction_read_only')::bool then '{JoinRow.ReadOnly}'
                when {WasMadeHere(coordinator)} then '{JoinRow.Here}' else '{JoinRow.Elsewhere}' end
        """;

    /// <summary>
    /// Returns a condition on a saga that is found by its id, in a form that no index serves. Otherwise the planner may find the saga by the index of
    /// unfinished sagas, which looks cheaper than the primary key while it is small, and walk the entries of the whole coordinator for each id
    /// (findings/small-index-in-place-of-the-primary-key.sh). A plan is kept when the index has grown.
    /// </summary>
    public static string AfterProbe(string condition) => $"case when {condition} then true else false end";

    /// <summary>
    /// Returns the condition that this coordinator owns the saga at the entry's generation, and that the saga is unfinished. For a saga that
    /// has ended, see <see cref="FindAlreadyWritten"/>. A saga whose cancellation was requested cannot succeed any more. <c>offset 0</c> forces one index probe for each entry. Without statistics, a join
    /// would start with all sagas of the coordinator.
    /// </summary>
    private static string IsOwned(string entry) => $$"""
        exists (
                select from {schema}.saga s
                where s.id = {{entry}}.saga_id
                    and {{AfterProbe($"s.current_coordinator = $1 and s.adopt_generation = {entry}.generation and {UnfinishedSagas.IsUnfinished}")}}
                    and ({{entry}}.new_state is distinct from 'succeeded' or s.cancel_time is null)
                offset 0)
            and {{IsMember}}
        """;
}
