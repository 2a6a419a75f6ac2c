namespace SagaRecovery.Postgres;

/// <summary>
/// Every statement that the store runs, one constant each. The schema name is a validated setting and is put in once; all else is
/// parameters. <c>$1</c> and <c>$2</c> are always the coordinator's id and incarnation.
/// </summary>
internal sealed class Statements(string schema)
{
    /// <summary>Joining: takes the coordinator's row exclusively, so it waits for the writes under way and refuses those that come later.</summary>
    public string Join { get; } = In(schema, """
        insert into {schema}.saga_coordinator as c (id, incarnation, host, process_id)
        values ($1, 1, $2, $3)
        on conflict (id) do update
            set incarnation = c.incarnation + 1, host = excluded.host, process_id = excluded.process_id, time_joined = now(),
                previous_time_seen = c.time_seen, previous_time_left = c.time_left, time_seen = clock_timestamp(), time_left = null,
                time_draining = null, time_taken_over = null
        returning incarnation
        """);

    /// <summary>Opens the transaction of a join. It locks nothing yet, and tells which backend is to be watched: behind a pooler that is not the connection's.</summary>
    public string BeginJoin { get; } = "begin isolation level read committed";

    public string Backend { get; } = "select pg_backend_pid(), pg_is_in_recovery()";

    /// <summary>Travels with the join: the row is never locked by a client that has stopped.</summary>
    public string Commit { get; } = "commit";

    /// <summary>Who keeps a backend waiting.</summary>
    public string Blockers { get; } = """
        select coalesce(string_agg(format('backend %s (%s, %s, since %s)', pid, coalesce(nullif(application_name, ''), 'no name'), state,
                   to_char(xact_start at time zone 'UTC', 'HH24:MI:SS')), '; '), '')
        from pg_stat_activity where pid = any (pg_blocking_pids(@ProcessId))
        """;

    /// <summary>
    /// Ends the backends of our own role that keep a join waiting because their client has stopped in the middle of a transaction. What
    /// they were writing is rolled back; their process, if it ever goes on, finds itself fenced.
    /// </summary>
    public string EndStalledBlockers { get; } = """
        select count(pg_terminate_backend(pid)) from pg_stat_activity
        where pid = any (pg_blocking_pids(@ProcessId)) and usename = current_user
            and wait_event = 'ClientRead' and clock_timestamp() - xact_start > @Stalled
        """;

    /// <summary>
    /// Read before everything that recovery reads: are we the latest incarnation, and is this the primary? What follows in the same
    /// transaction finds its rows by index, and is not compiled just in time: for a page of a few hundred sagas the planner would rather
    /// read a log of a hundred thousand events as a whole, and compile an expression for that.
    /// </summary>
    public string Present { get; } = In(schema, """
        select incarnation, pg_is_in_recovery(), set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)
        from {schema}.saga_coordinator where id = $1
        """);

    /// <summary>
    /// Goes before a statement that looks at many sagas but is run seldom: it would be compiled just in time, which can take longer than to
    /// run it.
    /// </summary>
    public string WithoutCompilation { get; } = "select set_config('jit', 'off', true)";

    /// <summary>
    /// Goes before prepared statements that find a few rows: a plan made while the tables are small, which reads them as a whole, is kept
    /// when they have grown.
    /// </summary>
    public string ByIndex { get; } = "select set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)";

    /// <summary>One page of candidates, in the order of the index saga_in_progress.</summary>
    public string ListPage { get; } = In(schema, """
        select id, name, adopt_generation from {schema}.saga
        where current_coordinator = $1 and state in ('running', 'unwinding') and id > $2
        order by id limit $3
        """);

    public string LoadSagas { get; } = In(schema, """
        select id, state, adopt_generation, definition_hash, params from {schema}.saga
        where id = any ($2) and current_coordinator = $1 and state in ('running', 'unwinding')
        """);

    public string LoadDefinitions { get; } = In(schema, """
        select hash, name, version, dag from {schema}.saga_definition where hash = any ($1)
        """);

    public string LoadEvents { get; } = In(schema, """
        select saga_id, node_id, event_type, data from {schema}.saga_node_event where saga_id = any ($1)
        """);

    /// <summary>
    /// The fence. First in every transaction that writes about a saga: it waits for a join under way and then finds nothing, or comes
    /// first and keeps a join waiting until the write is done. The statement after it has a fresh snapshot. What follows is planned to
    /// find each saga by its id, whatever is known of the tables: a plan made while they are small is kept when they have grown, and
    /// would read all of them for each write.
    /// </summary>
    public string Lock { get; } = In(schema, """
        select incarnation, set_config('enable_seqscan', 'off', true), set_config('enable_mergejoin', 'off', true)
        from {schema}.saga_coordinator where id = $1 and incarnation = $2 for share
        """);

    /// <summary>As <see cref="Lock"/>, but waits for the writes under way and keeps others out: what abandoning takes.</summary>
    public string LockExclusively { get; } = In(schema, """
        select incarnation from {schema}.saga_coordinator where id = $1 and incarnation = $2 for update
        """);

    public string InsertDefinition { get; } = In(schema, """
        insert into {schema}.saga_definition (hash, name, version, dag)
        select $3, $4, $5, $6
        where exists (select from {schema}.saga_coordinator where id = $1 and incarnation = $2)
        on conflict (hash) do nothing
        """);

    /// <summary>
    /// <c>$3..$6</c> are parallel arrays: id, name, definition and parameters; <c>$7</c>: the generation. Answers the ids that were new.
    /// No conflict target: of two inserts of one id at once, the later may meet the earlier in saga_in_progress before it meets it in the
    /// primary key, and that must not be an error either. In the order of the ids, so that two groups never wait for each other in a circle.
    /// </summary>
    public string InsertSagas { get; } = In(schema, """
        insert into {schema}.saga (id, name, creator, definition_hash, params, state, current_coordinator, adopt_generation)
        select n.id, n.name, $1, n.hash, n.params, 'running', $1, $7
        from unnest($3, $4, $5, $6) as n (id, name, hash, params)
        where exists (select from {schema}.saga_coordinator where id = $1 and incarnation = $2)
        order by n.id
        on conflict do nothing
        returning id
        """);

    /// <summary>
    /// Writes entries whose saga is still ours and in progress, and answers the ordinals, from 1, of those. <c>$3..$5</c> are parallel
    /// arrays: saga, generation and new state of each entry; so are <c>$6..$9</c>: ordinal of the entry, node, type and data of each event.
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

    public string Abandon { get; } = In(schema, """
        update {schema}.saga set state = 'abandoned', abandon_time = now(), abandon_reason = $5, abandon_comment = $6
        where id = $3 and current_coordinator = $1 and adopt_generation = $4 and state in ('running', 'unwinding')
            and exists (select from {schema}.saga_coordinator where id = $1 and incarnation = $2)
        returning id
        """);

    public static string In(string schema, string statement) => statement.Replace("{schema}", schema, StringComparison.Ordinal);

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
            and exists (select from {schema}.saga_coordinator where id = $1 and incarnation = $2)
        """;
}
