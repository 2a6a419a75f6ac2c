namespace SagaRecovery.Postgres;

/// <summary>The statements that find, read and delete ended sagas, and insert archived ones.</summary>
internal sealed class RetentionStatements(string schema)
{
    /// <summary>
    /// Makes the later statements of a transaction read in the order of an index, with any statistics. Without it, a plan made for a small table
    /// would sort all sagas of a definition for each page.
    /// </summary>
    public const string UseOrderedIndexes = $"""
        {Statements.NoLoadBalance} select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
            set_config('enable_sort', 'off', true), {Statements.OnThePrimary}
        """;

    /// <summary>
    /// Begins a deletion: waits for no lock for long, and does not wait for the disk. If a crash loses the commit, the sagas are still there, and
    /// are deleted later. A start with the id of a deleted saga is written after the deletion, so its commit makes both durable.
    /// </summary>
    public const string BeginDeletion = $"""
        {Statements.NoLoadBalance} select set_config('lock_timeout', '250ms', true), set_config('synchronous_commit', 'off', true),
            set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
            {Statements.OnThePrimary}
        """;

    /// <summary>Takes the turn to delete a batch, until the end of the transaction. Returns false if another process has it.</summary>
    public string TryTurn { get; } = Statements.In(schema, """
        select pg_try_advisory_xact_lock(hashtextextended('retention', hashtextextended('{schema}', 0))), pg_is_in_recovery()
        """);

    public string ListDefinitions { get; } = Statements.In(schema, "select hash, left(name, 1000), version from {schema}.saga_definition order by hash");

    /// <summary>Estimates the ended sagas from the statistics of the table and of its index of unfinished sagas.</summary>
    public string EstimateEnded { get; } = Statements.In(schema, """
        select case when t.reltuples >= 0 then greatest(t.reltuples - greatest(i.reltuples, 0), 0)::bigint end
        from pg_class t left join pg_class i on i.oid = to_regclass('{schema}.saga_unfinished')
        where t.oid = to_regclass('{schema}.saga')
        """);

    /// <summary>Limits the time of the statement that follows it, which is <see cref="FindOldest"/>.</summary>
    public const string LimitFindOldest = "select set_config('statement_timeout', '1s', true)";

    /// <summary>
    /// Finds the time of the oldest saga by one probe of saga_by_definition for each of the first thousand definitions. Each probe reads the entries
    /// of deleted sagas in front, until a vacuum has removed them.
    /// </summary>
    public string FindOldest { get; } = Statements.In(schema, """
        select min(first.time_created)
        from (select hash from {schema}.saga_definition limit 1000) d
        cross join lateral (
            select s.time_created from {schema}.saga s where s.definition_hash = d.hash order by s.time_created, s.id limit 1) first
        """);

    /// <summary>
    /// Visits a page of the sagas of one definition, oldest first by the index saga_by_definition. <c>$1</c>: the state; <c>$2, $3</c>: parallel
    /// arrays, the hash of the definition and the time for which its sagas are kept; <c>$4, $5</c>: time and id of the last visited saga;
    /// <c>$6</c>: the limit. Returns every visited saga, the expired ones with their rule. Every saga is at least as old as its end.
    /// </summary>
    public string FindOfDefinition { get; } = Statements.In(schema, FindWhere("s.definition_hash = ($2)[1] and s.time_created < now() - ($3)[1]"));

    /// <summary>
    /// Visits a page of the sagas that did not succeed, oldest first by the index saga_not_succeeded. The parameters are those of
    /// <see cref="FindOfDefinition"/>, with any number of definitions.
    /// </summary>
    public string FindOfState { get; } = Statements.In(schema, FindWhere(
        "s.state in ('unwound', 'stuck', 'abandoned') and s.state = $1 and s.time_created < now() - (select min(k) from unnest($3) as k)"));

    /// <summary>
    /// Deletes sagas that are as they were found. <c>$1..$5</c> are parallel arrays: id, state, stamp, time for which it is kept and number of
    /// events. Returns the ids of the deleted sagas.
    /// </summary>
    /// <remarks>
    /// State, age and stamp are checked again behind the lock on the row, on its newest version: a saga that an operator has just retried, or that
    /// another transaction has locked, stays. Nothing writes about a saga without its row, so nothing adds to its log afterwards.
    /// </remarks>
    public string Delete { get; } = Statements.In(schema, $$"""
        with doomed as materialized (
            select s.id from unnest($1, $2, $3, $4, $5) as n (id, state, stamp, keep, events)
            join {schema}.saga s on s.id = n.id
            where s.state = n.state and s.state not in ('running', 'unwinding') and s.xmin::text = n.stamp and {{Ended}} < now() - n.keep
                and (select count(*) from {schema}.saga_node_event e where e.saga_id = s.id) = n.events
            for update of s skip locked
        ), events as (
            delete from {schema}.saga_node_event e using doomed d where e.saga_id = d.id
        ), holds as (
            delete from {schema}.saga_hold h using doomed d where h.saga_id = d.id
        ), suspects as (
            delete from {schema}.saga_suspect k using doomed d where k.saga_id = d.id
        ), tags as (
            delete from {schema}.saga_tag t using doomed d where t.saga_id = d.id
        ), acknowledgements as (
            delete from {schema}.saga_acknowledgement a using doomed d, unnest(array['stuck', 'abandoned', 'held', 'failing']) as k (kind)
            where a.problem = k.kind || ':' || d.id
        )
        delete from {schema}.saga s using doomed d where s.id = d.id returning s.id
        """);

    /// <summary>Reads the rows of sagas that are as they were found, for an archive. <c>$1, $2</c>: parallel arrays, id and stamp.</summary>
    public string ReadSagas { get; } = Statements.In(schema, $$"""
        select s.id, s.state, s.definition_hash, d.name, d.version, d.dag, s.params, s.creator, s.current_coordinator, s.adopt_generation,
            s.time_created, s.adopt_time, {{Ended}}, s.deadline, s.cancel_time, s.cancel_actor, s.cancel_reason,
            s.abandon_time, s.abandon_reason, s.abandon_comment, s.failed_node, s.error_code
        from unnest($1, $2) as n (id, stamp)
        join {schema}.saga s on s.id = n.id and s.xmin::text = n.stamp
        join {schema}.saga_definition d on d.hash = s.definition_hash
        """);

    /// <summary>Reads the logs of sagas in the order of writing. <c>$1</c>: the ids.</summary>
    public string ReadEvents { get; } = Statements.In(schema, $$"""
        select e.saga_id, e.node_id, e.event_type, e.data, e.event_time, e.creator
        from unnest($1) as n (id) join {schema}.saga_node_event e on e.saga_id = n.id
        order by {{OperatorStatements.OrderOfEvents}}
        """);

    public string ReadTags { get; } = Statements.In(schema, """
        select t.saga_id, t.name, t.value from unnest($1) as n (id) join {schema}.saga_tag t on t.saga_id = n.id order by t.saga_id, t.name
        """);

    public string ReadActions { get; } = Statements.In(schema, """
        select a.id, a.time_taken, a.action, a.saga_id, a.actor, a.reason, a.coordinator_id
        from unnest($1) as n (id) join {schema}.saga_operator_action a on a.saga_id = n.id order by a.id
        """);

    /// <summary>
    /// Finds definitions that no saga has and no coordinator publishes, by one probe of an index each. <c>$1</c>: the hash after which to begin;
    /// <c>$2</c>: the limit. The subqueries are not joins, which could read every saga.
    /// </summary>
    public string FindUnusedDefinitions { get; } = Statements.In(schema, $$"""
        select d.hash, {{IsUnused}} from (select hash from {schema}.saga_definition where hash > $1 order by hash limit $2) d order by d.hash
        """);

    /// <summary>
    /// Takes the lock on a definition, if no transaction that may insert a saga with it is open; see <see cref="DefinitionStatements.Lock"/>.
    /// <c>$1</c>: the hash. The result is kept for the next statement, whose snapshot is later than the lock.
    /// </summary>
    public string TryLockDefinition { get; } = Statements.In(schema, $"""
        select set_config('saga_recovery.locked', pg_try_advisory_xact_lock({DefinitionStatements.KeyOf("$1")})::text, true)
        """);

    /// <summary>Deletes a definition that is still unused, behind <see cref="TryLockDefinition"/>. <c>$1</c>: the hash.</summary>
    public string DeleteDefinition { get; } = Statements.In(schema, $$"""
        delete from {schema}.saga_definition d where d.hash = $1 and current_setting('saga_recovery.locked') = 'true' and {{IsUnused}} returning d.hash
        """);

    /// <summary>
    /// Deletes old operator actions among the next thousand. <c>$1</c>: the number after which to begin; <c>$2</c>: the time for which they are kept.
    /// An action stays with its saga, and the last one stays, since the next number follows it. Returns the last visited number, whether the walk is
    /// over, and how many were deleted.
    /// </summary>
    public string DeleteActions { get; } = Statements.In(schema, """
        with page as materialized (
            select id, saga_id, time_taken < now() - $2 as is_old from {schema}.saga_operator_action
            where id > $1 and id < (select max(id) from {schema}.saga_operator_action) order by id limit 1000
        ), deleted as (
            delete from {schema}.saga_operator_action a using page p
            where a.id = p.id and p.is_old and (p.saga_id is null or not exists (select from {schema}.saga s where s.id = p.saga_id offset 0))
            returning a.id
        )
        select max(id), coalesce(bool_or(not is_old), true), (select count(*) from deleted) from page
        """);

    /// <summary>Finds silent coordinators. <c>$1</c>: the silence; <c>$2</c>: the id after which to begin; <c>$3</c>: the limit.</summary>
    public string FindSilentCoordinators { get; } = Statements.In(schema, """
        select id from {schema}.saga_coordinator where time_seen < now() - $1::interval and id > $2 order by id limit $3
        """);

    /// <summary>
    /// Takes the exclusive lock of the fence on coordinator <c>$1</c>, if no write of it is in flight. The result is kept for the next statement.
    /// </summary>
    public string TryLockCoordinator { get; } = Statements.In(schema, $"""
        select set_config('saga_recovery.locked', pg_try_advisory_xact_lock({Statements.KeyOf("$1")})::text, true)
        """);

    /// <summary>
    /// Deletes a coordinator that is silent and owns no unfinished saga, behind <see cref="TryLockCoordinator"/>. <c>$1</c>: its id; <c>$2</c>: the
    /// silence; <c>$3</c>: true if one that was shut down counts as silent; <c>$4, $5</c>: actor and reason of the operator action, or nulls. Returns
    /// whether it answers, whether it owns unfinished sagas, and whether it was deleted.
    /// </summary>
    public string DeleteCoordinator { get; } = Statements.In(schema, $$"""
        with seen as materialized (
            select c.id, not (c.time_seen < now() - $2::interval or ($3 and c.time_left is not null)) or current_setting('saga_recovery.locked') <> 'true' as answers,
                exists (select from {{UnfinishedSagas.Of("c.id", "s.id")}}) as owns_sagas
            from {schema}.saga_coordinator c where c.id = $1
        ), forgotten as (
            delete from {schema}.saga_coordinator c using seen n where c.id = n.id and not n.answers and not n.owns_sagas returning c.id
        ), assignments as (
            delete from {schema}.saga_assignment a using forgotten f where a.coordinator_id = f.id
        ), listings as (
            delete from {schema}.saga_listing l using forgotten f where l.coordinator_id = f.id
        ), pauses as (
            delete from {schema}.saga_recovery_pause p using forgotten f where p.coordinator_id = f.id
        ), in_flight as (
            delete from {schema}.saga_in_flight i using forgotten f where i.coordinator_id = f.id
        ), crash_loops as (
            delete from {schema}.saga_crash_loop l using forgotten f where l.coordinator_id = f.id
        ), recorded as (
            insert into {schema}.saga_operator_action (id, action, coordinator_id, actor, reason)
            select {{OperatorStatements.NextId}}, 'forget', f.id, $4, $5 from forgotten f where $4::text is not null
        )
        select answers, owns_sagas, exists (select from forgotten) from seen
        """);

    public string RecordPurge { get; } = Statements.In(schema, $$"""
        insert into {schema}.saga_operator_action (id, action, actor, reason) select {{OperatorStatements.NextId}}, 'purge', $1, $2
        """);

    /// <summary>Stores the definition of an archived saga, behind <see cref="DefinitionStatements.Lock"/>. <c>$1..$4</c>: hash, name, version and DAG.</summary>
    public string ImportDefinition { get; } = Statements.In(schema, """
        insert into {schema}.saga_definition (hash, name, version, dag) values ($1, $2, $3, $4) on conflict (hash) do nothing
        """);

    /// <summary>
    /// Inserts an archived saga, whose end is now. <c>$1..$19</c>: the columns in the order of the statement; <c>$20..$24</c>: parallel arrays, node,
    /// type, data, time and creator of each event; <c>$25, $26</c>: name and value of each tag; <c>$27..$31</c>: time, action, actor, reason and coordinator
    /// of each operator action; <c>$32, $33</c>: actor and reason of the import. Returns a row if no saga had the id.
    /// </summary>
    /// <remarks>Its state is not among those that listings read, and no pass reads any other. An operator action that is still stored is not repeated.</remarks>
    public string ImportSaga { get; } = Statements.In(schema, $$"""
        with inserted as (
            insert into {schema}.saga (id, name, state, definition_hash, params, creator, current_coordinator, adopt_generation, time_created, adopt_time, deadline,
                cancel_time, cancel_actor, cancel_reason, abandon_time, abandon_reason, abandon_comment, failed_node, error_code, time_ended)
            select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, clock_timestamp()
            where $3 not in ('running', 'unwinding')
            on conflict do nothing
            returning id, time_created, current_coordinator
        ), events as (
            insert into {schema}.saga_node_event (saga_id, node_id, event_type, data, event_time, creator)
            select i.id, e.node_id, e.event_type, e.data, e.event_time, e.creator
            from inserted i, unnest($20, $21, $22, $23, $24) as e (node_id, event_type, data, event_time, creator)
        ), tags as (
            insert into {schema}.saga_tag (saga_id, name, value, time_created)
            select i.id, t.name, t.value, i.time_created from inserted i, unnest($25, $26) as t (name, value)
        ), actions as (
            insert into {schema}.saga_operator_action (id, time_taken, action, saga_id, actor, reason, coordinator_id)
            select {{OperatorStatements.NextId}} + row_number() over (order by a.position) - 1, a.time_taken, a.action, a.saga_id, a.actor, a.reason, a.coordinator_id
            from (
                select o.position, o.time_taken, o.action, i.id as saga_id, o.actor, o.reason, o.coordinator_id
                from inserted i, unnest($27, $28, $29, $30, $31) with ordinality as o (time_taken, action, actor, reason, coordinator_id, position)
                where not exists (
                    select from {schema}.saga_operator_action k where k.saga_id = i.id and k.action = o.action and k.time_taken = o.time_taken)
                union all
                select 9223372036854775807, clock_timestamp(), 'import', i.id, $32, $33, i.current_coordinator from inserted i) a
        )
        select id from inserted
        """);

    /// <summary>The time at which a saga ended. Rows of packages before version 9 of the tables have it only in their log.</summary>
    private const string Ended = """
        coalesce(s.time_ended, s.abandon_time, greatest(s.adopt_time, (select max(e.event_time) from {schema}.saga_node_event e where e.saga_id = s.id)))
        """;

    /// <summary>The condition that no saga has a definition and that no coordinator publishes it.</summary>
    private const string IsUnused = """
        (select 1 from {schema}.saga s where s.definition_hash = d.hash limit 1) is null
            and not exists (select from {schema}.saga_coordinator_definition p where p.hash = d.hash)
        """;

    /// <summary>Returns the assignment that records when a saga reached a state, if the saga has ended in it. An earlier end of the same state stays.</summary>
    public static string TimeEnded(string state) =>
        $"time_ended = case when {state} in ('running', 'unwinding') then null when s.state = {state} then s.time_ended else clock_timestamp() end";

    private static string FindWhere(string visited) => $$"""
        select p.id, p.time_created, p.hash, p.keep, p.ended, p.stamp, e.events, p.bytes + e.bytes
        from (
            select s.id, s.time_created, r.hash, r.keep, {{Ended}} as ended, s.stamp, pg_column_size(s.params) as bytes
            from (
                select s.*, s.xmin::text as stamp from {schema}.saga s
                where {{visited}} and (s.time_created, s.id) > ($4, $5)
                order by s.time_created, s.id limit $6) s
            left join unnest($2, $3) as r (hash, keep) on s.state = $1 and r.hash = s.definition_hash and {{Ended}} < now() - r.keep) p
        left join lateral (
            select count(*)::int as events, coalesce(sum(coalesce(pg_column_size(n.data), 0) + 72), 0) as bytes
            from {schema}.saga_node_event n where n.saga_id = p.id and p.keep is not null) e on true
        order by p.time_created, p.id
        """;
}
