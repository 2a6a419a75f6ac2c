namespace SagaRecovery.Postgres;

/// <summary>
/// Every statement that the store runs, one constant each. The schema name is a validated setting and is put in once; all else is
/// parameters. <c>$1</c> and <c>$2</c> are always the coordinator's id and the token of its join.
/// </summary>
/// <remarks>
/// A batch that writes begins with <see cref="Begin"/>: what is decided behind a lock is decided on a snapshot taken after the lock,
/// whatever isolation level the database, the role or the connection has as its default. See docs/decisions/0002-fencing-by-the-owners-row.md.
/// </remarks>
internal sealed class Statements(string schema)
{
    /// <summary>First in every batch that decides something behind a lock; <see cref="Commit"/> is the last. All travel together.</summary>
    public const string Begin = "begin isolation level read committed";

    /// <summary>How many joins before its own a process remembers; see <see cref="JoinLineage"/>.</summary>
    private const string KeptPredecessors = "64";

    /// <summary>
    /// Joining, behind <see cref="LockExclusively"/>. <c>$2</c>: the new token; <c>$3, $4</c>: host and process id. Answers the number that
    /// was given, and the tokens of the joins before.
    /// </summary>
    public string Join { get; } = In(schema, $$"""
        insert into {schema}.saga_coordinator as c (id, token, incarnation, host, process_id, server_start, table_id)
        values ($1, $2, 1, $3, $4, pg_postmaster_start_time(), {{TableId}})
        on conflict (id) do update
            set incarnation = c.incarnation + 1, token = excluded.token, server_start = excluded.server_start, table_id = excluded.table_id,
                predecessors = (c.token || c.predecessors)[1:{{KeptPredecessors}}],
                host = excluded.host, process_id = excluded.process_id, time_joined = now(),
                previous_time_seen = case when c.token = excluded.token then c.previous_time_seen else c.time_seen end,
                previous_time_left = case when c.token = excluded.token then c.previous_time_left else c.time_left end,
                time_seen = clock_timestamp(), time_left = null,
                time_draining = null, time_taken_over = null
        returning incarnation, predecessors
        """);

    /// <summary>
    /// Joining again, behind <see cref="LockExclusively"/>, after the database has lost the join or has been started anew: only where the
    /// row names no join that was made since. <c>$2</c>: the token that was lost; <c>$3, $4</c>: host and process id; <c>$5</c>: the new
    /// token; <c>$6</c>: the number that was lost; <c>$7</c>: that token and those of the joins before it. A number is not given twice to
    /// one process, even if the database has forgotten it. A try whose answer was lost stands: the next, with the same token, changes no number.
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

    /// <summary>After <see cref="Rejoin"/>: sagas that this process has in flight stay its own. <c>$2</c>: the new token; <c>$3</c>: the number that was lost.</summary>
    public string KeepInFlight { get; } = In(schema, """
        update {schema}.saga_in_hand h set incarnation = c.incarnation
        from {schema}.saga_coordinator c
        where c.id = $1 and c.token = $2 and h.coordinator_id = $1 and h.incarnation >= $3
        """);

    /// <summary>
    /// Behind <see cref="Begin"/>, in a transaction that takes from a coordinator. It locks nothing yet, and tells which backend is to be
    /// watched: behind a pooler that is not the connection's. Such a transaction may have to wait for a writer that has stopped, so the
    /// time-outs that an administrator has set for statements do not apply to it; the client's own does.
    /// </summary>
    public string Backend { get; } = $"""
        {NoLoadBalance} select pg_backend_pid(), pg_is_in_recovery(),
            set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true),
            case when current_setting('transaction_timeout', true) is not null then set_config('transaction_timeout', '0', true) end
        """;

    /// <summary>Travels with what it commits: nothing is ever locked by a client that has stopped in between.</summary>
    public const string Commit = "commit";

    /// <summary>Who keeps a backend waiting.</summary>
    public string Blockers { get; } = """
        select coalesce(string_agg(format('backend %s (%s, %s, since %s)', pid, coalesce(nullif(application_name, ''), 'no name'), state,
                   to_char(xact_start at time zone 'UTC', 'HH24:MI:SS')), '; '), '')
        from pg_stat_activity where pid = any (pg_blocking_pids(@ProcessId))
        """;

    /// <summary>
    /// Ends the backends of our own role that keep a transaction waiting because their client has stopped in the middle of a transaction. What
    /// they were writing is rolled back; their process, if it ever goes on, finds itself fenced.
    /// </summary>
    public string EndStalledBlockers { get; } = """
        select count(pg_terminate_backend(pid)) from pg_stat_activity
        where pid = any (pg_blocking_pids(@ProcessId)) and usename = current_user
            and wait_event = 'ClientRead' and clock_timestamp() - xact_start > @Stalled
        """;

    /// <summary>
    /// The join that stands in the row; see <see cref="JoinRow"/>. Read behind the fence, and before everything that recovery reads. What
    /// follows in the same transaction finds its rows by index, and is not compiled just in time: for a page of a few hundred sagas the
    /// planner would rather read a log of a hundred thousand events as a whole, and compile an expression for that.
    /// </summary>
    public string Present { get; } = In(schema, $$"""
        select c.token, {{Where("c")}}, c.incarnation, set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true), {{WithWarnings}}
        from {schema}.saga_coordinator c where c.id = $1
        """);

    /// <summary>
    /// Goes before a statement that looks at many sagas but is run seldom: it would be compiled just in time, which can take longer than to
    /// run it.
    /// </summary>
    public string WithoutCompilation { get; } = "select set_config('jit', 'off', true)";

    /// <summary>
    /// One page of candidates, in the order of the index saga_in_progress, behind a first row with the join as the same statement sees it.
    /// A pooler may send each statement of a batch to another server: so each statement says where it was answered. <c>$2</c>: after which
    /// id; <c>$3</c>: how many.
    /// </summary>
    public string ListPage { get; } = In(schema, $$"""
        (select c.token as id, {{Where("c")}} as name, c.incarnation as adopt_generation
         from {schema}.saga_coordinator c where c.id = $1 and {{OnThePrimary}})
        union all
        (select id, name, adopt_generation from {schema}.saga
         where current_coordinator = $1 and state in ('running', 'unwinding') and id > $2
         order by id limit $3)
        """);

    /// <summary>The rows of sagas that are still ours and in progress, behind a first row as in <see cref="ListPage"/>. <c>$2</c>: their ids.</summary>
    public string LoadSagas { get; } = In(schema, $$"""
        (select c.token as id, {{Where("c")}} as state, c.incarnation as adopt_generation, null::bytea as definition_hash, null::json as params
         from {schema}.saga_coordinator c where c.id = $1 and {{OnThePrimary}})
        union all
        (select id, state, adopt_generation, definition_hash, params from {schema}.saga
         where id = any ($2) and current_coordinator = $1 and state in ('running', 'unwinding'))
        """);

    public string LoadDefinitions { get; } = In(schema, """
        select hash, name, version, dag from {schema}.saga_definition where hash = any ($1)
        """);

    /// <summary>The events of sagas, behind a first row as in <see cref="ListPage"/>, the number in the node's place. <c>$2</c>: the sagas' ids.</summary>
    public string LoadEvents { get; } = In(schema, $$"""
        (select c.token as saga_id, 0 as node_id, {{Where("c")}} as event_type, null::json as data
         from {schema}.saga_coordinator c where c.id = $1 and {{OnThePrimary}})
        union all
        (select saga_id, node_id, event_type, data from {schema}.saga_node_event where saga_id = any ($2))
        """);

    /// <summary>Of these sagas, those that stand here, whoever owns them, behind a first row as in <see cref="ListPage"/>. <c>$2</c>: their ids.</summary>
    public string FindStored { get; } = In(schema, $$"""
        (select c.token as id, {{Where("c")}} as state, c.incarnation
         from {schema}.saga_coordinator c where c.id = $1 and {{OnThePrimary}})
        union all
        (select id, state, 0 from {schema}.saga where id = any ($2))
        """);

    /// <summary>
    /// The fence. First in every transaction that writes about a saga of coordinator <c>$1</c>: it waits for whatever takes from this
    /// coordinator, or comes first and keeps it waiting until the write is done. The statement after it has a fresh snapshot. A lock of
    /// the lock manager, not of the row: shared row locks cost a MultiXactId for each overlap, and overtake one who waits for the row
    /// exclusively. What follows is planned to find each saga by its id, whatever is known of the tables: a plan made while they are small is kept when
    /// they have grown, and would read all of them for each write.
    /// </summary>
    public string Lock { get; } = In(schema, $"""
        select pg_advisory_xact_lock_shared({KeyOf("$1")}), {Durably},
            set_config('enable_seqscan', 'off', true), set_config('enable_mergejoin', 'off', true)
        """);

    /// <summary>As <see cref="Lock"/>, but waits for the writes under way and keeps others out: what takes from a coordinator takes this.</summary>
    public string LockExclusively { get; } = In(schema, $"""
        select pg_advisory_xact_lock({KeyOf("$1")}), {Durably}
        """);

    public string InsertDefinition { get; } = In(schema, $$"""
        insert into {schema}.saga_definition (hash, name, version, dag)
        select $3, $4, $5, $6
        where {{IsMember}}
        on conflict (hash) do nothing
        """);

    /// <summary>
    /// <c>$3..$6</c> are parallel arrays: id, name, definition and parameters; <c>$7</c>: the generation. Answers the ids that were new.
    /// Nothing is inserted whose definition is not there: see <see cref="KnownDefinitions"/>.
    /// No conflict target: of two inserts of one id at once, the later may meet the earlier in saga_in_progress before it meets it in the
    /// primary key, and that must not be an error either. In the order of the ids, so that two groups never wait for each other in a circle.
    /// </summary>
    public string InsertSagas { get; } = In(schema, $$"""
        insert into {schema}.saga (id, name, creator, definition_hash, params, state, current_coordinator, adopt_generation)
        select n.id, n.name, $1, n.hash, n.params, 'running', $1, $7
        from unnest($3, $4, $5, $6) as n (id, name, hash, params)
        where {{IsMember}} and exists (select from {schema}.saga_definition d where d.hash = n.hash)
        order by n.id
        on conflict do nothing
        returning id
        """);

    /// <summary>
    /// Writes entries whose saga is still ours and in progress, and answers the ordinals, from 1, of those, and 0 if this process's join
    /// counts. <c>$3..$5</c> are parallel arrays: saga, generation and new state of each entry; so are <c>$6..$9</c>: ordinal of the entry, node, type and data of each event.
    /// One statement, so that the owner is looked up once for each entry. An event that is there already was written by a try whose answer
    /// was lost. <c>is true</c> keeps the ordinals a hash table, whatever their number is taken to be: as a join, all may be compared with
    /// all.
    /// </summary>
    public string Append { get; } = In(schema, $$"""
        with owned as materialized (
            select e.ordinal, e.saga_id, e.new_state
            from unnest($3, $4, $5) with ordinality as e (saga_id, generation, new_state, ordinal)
            where {{IsOwned("e")}}
        ), events as (
            insert into {schema}.saga_node_event (saga_id, node_id, event_type, data, creator)
            select ($3)[n.ordinal], n.node_id, n.event_type, n.data, $1
            from unnest($6, $7, $8, $9) as n (ordinal, node_id, event_type, data)
            where (n.ordinal in (select o.ordinal from owned o)) is true
            on conflict (saga_id, node_id, event_type) do nothing
        ), changed as (
            update {schema}.saga s set state = w.new_state
            from (select distinct on (saga_id) saga_id, new_state from owned where new_state is not null order by saga_id, ordinal desc) w
            where s.id = w.saga_id and s.state <> w.new_state
        )
        select ordinal from owned
        union all
        select 0 where {{IsMember}}
        """);

    /// <summary>
    /// Of entries that were not written, the ordinals of those that stand in the log already, as after a lost answer: their saga has
    /// ended, and takes nothing new. <c>$2..$4</c> are parallel arrays: saga, generation and new state of each entry; so are
    /// <c>$5..$7</c>: ordinal of the entry, node and type of each event. A state in progress that came with events was passed since.
    /// </summary>
    public string StandAlready { get; } = In(schema, """
        select e.ordinal
        from unnest($2, $3, $4) with ordinality as e (saga_id, generation, new_state, ordinal)
        join {schema}.saga s on s.id = e.saga_id and s.current_coordinator = $1 and s.adopt_generation = e.generation
        where (e.new_state is null or e.new_state = s.state or (e.new_state in ('running', 'unwinding') and e.ordinal = any ($5)))
            and not exists (
                select from unnest($5, $6, $7) as n (ordinal, node_id, event_type)
                where n.ordinal = e.ordinal and not exists (
                    select from {schema}.saga_node_event w
                    where w.saga_id = e.saga_id and w.node_id = n.node_id and w.event_type = n.event_type))
        """);

    public string Abandon { get; } = In(schema, $$"""
        update {schema}.saga set state = 'abandoned', abandon_time = now(), abandon_reason = $5, abandon_comment = $6
        where id = $3 and current_coordinator = $1 and adopt_generation = $4 and state in ('running', 'unwinding')
            and {{IsMember}}
        returning id
        """);

    /// <summary>Of these definitions, those that stand here. A database that was failed over or restored may have lost one.</summary>
    public string KnownDefinitions { get; } = In(schema, """
        select hash from {schema}.saga_definition where hash = any ($1)
        """);

    /// <summary>
    /// Of sagas that were not inserted because one of their id stands here, those that are the very same and as they were inserted: an
    /// earlier try landed, and its answer was lost. <c>$2..$4</c> are parallel arrays: id, definition and parameters.
    /// </summary>
    public string InsertedBefore { get; } = In(schema, """
        select s.id from unnest($2, $3, $4) as n (id, hash, params)
        join {schema}.saga s on s.id = n.id
        where s.creator = $1 and s.definition_hash = n.hash and s.params::text = n.params::text
            and s.current_coordinator = $1 and s.adopt_generation = 1 and s.state = 'running'
            and not exists (select from {schema}.saga_node_event e where e.saga_id = s.id)
        """);

    /// <summary>
    /// Writes all that a run knows of its saga, after the database may have lost some of it. <c>$3, $4</c>: saga and generation; <c>$5</c>:
    /// state; <c>$6..$8</c> are parallel arrays: node, type and data of each event. Refused where the log holds an event that the run does
    /// not know: then something else has gone on with the saga, and its log decides.
    /// </summary>
    public string Restore { get; } = In(schema, $$"""
        with owned as materialized (
            select s.id from {schema}.saga s
            where s.id = $3 and s.current_coordinator = $1 and s.adopt_generation = $4
                and (s.state in ('running', 'unwinding') or s.state = $5) and {{IsMember}}
        ), unknown as materialized (
            select from {schema}.saga_node_event e
            where e.saga_id = $3 and (e.node_id, e.event_type) not in (select n.node_id, n.event_type from unnest($6, $7) as n (node_id, event_type))
        ), events as (
            insert into {schema}.saga_node_event (saga_id, node_id, event_type, data, creator)
            select o.id, n.node_id, n.event_type, n.data, $1 from owned o, unnest($6, $7, $8) as n (node_id, event_type, data)
            where not exists (select from unknown)
            on conflict (saga_id, node_id, event_type) do nothing
        ), changed as (
            update {schema}.saga s set state = $5 from owned o where s.id = o.id and s.state <> $5 and not exists (select from unknown)
        )
        select case when not exists (select from {schema}.saga where id = $3) then 'lost'
            when not exists (select from owned) then 'not_ours'
            when exists (select from unknown) then 'superseded'
            else 'restored' end
        """);

    /// <summary>The join that <c>$1</c> and <c>$2</c> name stands in the row, and was made here.</summary>
    public static readonly string IsMember = $$"""
        exists (select from {schema}.saga_coordinator c where c.id = $1 and c.token = $2 and {{WasMadeHere("c")}})
        """;

    /// <summary>A table that is restored from a dump is another, though all that stands in it is the same.</summary>
    private const string TableId = "'{schema}.saga_coordinator'::regclass";

    /// <summary>Asks pgpool-II to send the statement to the primary. To all others a comment.</summary>
    private const string NoLoadBalance = "/*NO LOAD BALANCE*/";

    /// <summary>
    /// True, and of a kind that a pooler takes for a write unless it was told otherwise; nor is a statement with it run by parallel workers,
    /// which keeps its first row the first. What reaches a standby all the same is refused by its first row.
    /// </summary>
    private const string OnThePrimary = "set_config('jit', 'off', true) is not null";

    /// <summary>The commit is on disk, and where it was asked for on the standby, whatever the role's default says.</summary>
    public const string Durably = $"""
        set_config('synchronous_commit', case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, true),
            {WithWarnings}
        """;

    /// <summary>A commit that gave up waiting for the standby says so in a warning, which is to reach us: see <see cref="CommitWatch"/>.</summary>
    private const string WithWarnings = "set_config('client_min_messages', 'warning', true)";

    /// <summary>A statement on the configured schema, which a pooler is to send to the primary.</summary>
    public static string In(string schema, string statement) => $"{NoLoadBalance} {Named(schema, statement)}";

    public static string Named(string schema, string text) => text.Replace("{schema}", schema, StringComparison.Ordinal);

    /// <summary>What is locked in place of a coordinator's row: it needs not be there.</summary>
    public static string KeyOf(string coordinator) => $"hashtextextended({coordinator}::uuid::text, hashtextextended('{{schema}}', 0))";

    /// <summary>A row's join was made on this run of this server, in this table.</summary>
    public static string WasMadeHere(string coordinator) =>
        $"{coordinator}.server_start = pg_postmaster_start_time() and {coordinator}.table_id = {coordinator}.tableoid";

    /// <summary>Where a row's join was made, as seen from where the statement is answered; see <see cref="JoinRow"/>.</summary>
    private static string Where(string coordinator) => $"""
        case when pg_is_in_recovery() then '{JoinRow.Standby}' when current_setting('transaction_read_only')::bool then '{JoinRow.ReadOnly}'
                when {WasMadeHere(coordinator)} then '{JoinRow.Here}' else '{JoinRow.Elsewhere}' end
        """;

    /// <summary>
    /// The saga's row is ours at the entry's generation, and in progress: see <see cref="StandAlready"/> for one that has ended.
    /// <c>offset 0</c> keeps it a probe for each entry. As a join, where nothing is known of the table yet, it began with all sagas of the
    /// coordinator.
    /// </summary>
    private static string IsOwned(string entry) => $$"""
        exists (
                select from {schema}.saga s
                where s.id = {{entry}}.saga_id and s.current_coordinator = $1 and s.adopt_generation = {{entry}}.generation
                    and s.state in ('running', 'unwinding')
                offset 0)
            and {{IsMember}}
        """;
}
