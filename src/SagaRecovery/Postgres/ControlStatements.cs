namespace SagaRecovery.Postgres;

/// <summary>
/// The statements for pauses, holds, suspects, assignments and other controls of recovery. <c>$1</c> and <c>$2</c> are the coordinator's id
/// and the token of its join.
/// </summary>
internal sealed class ControlStatements(string schema)
{
    public string ReadPause { get; } = Statements.In(schema, """
        select time_paused, actor, reason from {schema}.saga_recovery_pause where coordinator_id = $1
        """);

    public string ReadHolds { get; } = Statements.In(schema, $$"""
        select h.saga_id, s.name, h.time_held, h.actor, h.reason, h.stops_run
        from {schema}.saga_hold h {{UnfinishedAmong("h.saga_id")}}
        order by h.time_held, h.saga_id
        """);

    public string ReadCancelled { get; } = Statements.In(schema, $$"""
        select s.id, s.cancel_time, s.cancel_actor, s.cancel_reason
        from {{UnfinishedSagas.Of("$1", "s.id, s.cancel_time, s.cancel_actor, s.cancel_reason", "s.cancel_time is not null and s.state = 'running'")}}
        """);

    /// <summary>Reads the number of the last assignment to this coordinator and of the last one it has caught up with. No row: no assignment.</summary>
    public string ReadAssignments { get; } = Statements.In(schema, """
        select assigned, caught_up from {schema}.saga_assignment where coordinator_id = $1
        """);

    public string RecordCaughtUp { get; } = Statements.In(schema, $$"""
        update {schema}.saga_assignment set caught_up = greatest(caught_up, $3), not_running = $4
        where coordinator_id = $1 and {{Statements.IsMember}}
        """);

    /// <summary>
    /// Reads the last operator actions that concern this coordinator, newest first. They are its own and, among the last thousand of all
    /// coordinators, those that move sagas between coordinators.
    /// </summary>
    public string ReadActions { get; } = Statements.In(schema, """
        select id, time_taken, action, saga_id, actor, reason, coordinator_id
        from (
            (select * from {schema}.saga_operator_action where coordinator_id = $1 order by id desc limit $2)
            union
            (select * from {schema}.saga_operator_action
             where id > (select max(id) - 1000 from {schema}.saga_operator_action) and action in ('reassign', 'take-over', 'drain', 'revoke', 'purge', 'forget'))) a
        order by id desc limit $2
        """);

    /// <summary>
    /// Turns the sagas that previous incarnations had in flight into suspects. Each gets the size of the smallest group in which it was in
    /// flight. A saga that was alone gets one more crash, and starts again at one if it has completed more steps than at the last crash.
    /// </summary>
    public string MarkSuspects { get; } = Statements.In(schema, MarkSuspectsWhere($"coordinator_id = $1 and incarnation < {Incarnation}"));

    public string ReadSuspects { get; } = Statements.In(schema, $$"""
        select k.saga_id, k.group_size, k.deaths_alone
        from {schema}.saga_suspect k {{UnfinishedAmong("k.saga_id")}}
        """);

    /// <summary>
    /// Reads how the previous process ended, with the crash loop. Its suspects are those that this join has marked; older ones were not in flight.
    /// No row: no previous process. <c>$2</c>: the present incarnation.
    /// </summary>
    public string ReadPrevious { get; } = Statements.In(schema, $$"""
        select clock_timestamp() - {{StoredTimes.Nearest("previous_time_seen")}}, previous_time_left is null,
            greatest(previous_time_seen - previous_time_joined, interval '0'), k.in_flight, k.deferred,
            l.crashes, l.watch_from, l.probation, l.failed_controls, l.last_lived, l.incarnation = $2
        from {schema}.saga_coordinator c
        left join {schema}.saga_crash_loop l on l.coordinator_id = c.id
        cross join lateral (
            select coalesce(bool_or(k.time_suspected >= c.time_joined), false) as in_flight,
                coalesce(bool_or(k.time_suspected < c.time_joined), false) as deferred
            from {schema}.saga_suspect k {{UnfinishedAmong("k.saga_id")}}
        ) k
        where c.id = $1 and previous_time_seen is not null
        """);

    /// <summary><c>$3</c> to <c>$7</c>: the parts of the crash loop in the order of its columns.</summary>
    public string RecordCrashLoop { get; } = Statements.In(schema, $$"""
        insert into {schema}.saga_crash_loop as l (coordinator_id, incarnation, crashes, watch_from, probation, failed_controls, last_lived)
        select c.id, c.incarnation, $3, $4, $5, $6, $7 from {schema}.saga_coordinator c where c.id = $1 and c.token = $2
        on conflict (coordinator_id) do update set
            incarnation = excluded.incarnation, crashes = excluded.crashes, watch_from = excluded.watch_from,
            probation = excluded.probation, failed_controls = excluded.failed_controls, last_lived = excluded.last_lived
        """);

    public string ForgetCrashLoop { get; } = Statements.In(schema, $$"""
        delete from {schema}.saga_crash_loop where coordinator_id = $1 and {{Statements.IsMember}}
        """);

    /// <summary>Clears all suspects of this coordinator.</summary>
    public string ForgetSuspects { get; } = Statements.In(schema, $$"""
        delete from {schema}.saga_suspect k using {schema}.saga s
        where s.id = k.saga_id and {{Statements.AfterProbe($"s.current_coordinator = $1 and {UnfinishedSagas.IsUnfinished}")}} and {{Statements.IsMember}}
        """);

    /// <summary>
    /// Records a batch of sagas as in flight. The batch gets the next free number, for the reason given at
    /// <see cref="OperatorStatements.NextId"/>.
    /// </summary>
    public string RecordInFlight { get; } = Statements.In(schema, $$"""
        insert into {schema}.saga_in_flight (coordinator_id, incarnation, batch, saga_ids)
        select c.id, c.incarnation, coalesce(max(h.batch), 0) + 1, $3
        from {schema}.saga_coordinator c
        left join {schema}.saga_in_flight h on h.coordinator_id = c.id and h.incarnation = c.incarnation
        where c.id = $1 and c.token = $2 and {{Statements.WasMadeHere("c")}}
        group by c.id
        """);

    /// <summary>Deletes the sagas that this incarnation has had in flight for longer than <c>$3</c>, and clears them as suspects.</summary>
    public string ClearSuspects { get; } = Statements.In(schema, $$"""
        with outlived as (
            delete from {schema}.saga_in_flight
            where coordinator_id = $1 and incarnation = {{Incarnation}} and time_resumed < clock_timestamp() - $3::interval
            returning saga_ids
        )
        delete from {schema}.saga_suspect k using outlived where k.saga_id = any (outlived.saga_ids)
        """);

    /// <summary>
    /// Deletes, of the sagas in flight, those that have ended or completed a step since they were resumed, and clears them as suspects. Returns true if
    /// any remain.
    /// </summary>
    public string ClearProgressed { get; } = Statements.In(schema, $$"""
        with watched as materialized (
            select f.incarnation, f.batch, f.saga_ids, array(
                select one.id
                from unnest(f.saga_ids) as one (id)
                {{UnfinishedAmong("one.id")}}
                where not exists (
                    select from {schema}.saga_node_event e
                    where e.saga_id = one.id and e.event_type not in ('started', 'undo_started') and e.event_time > f.time_resumed)) as remaining
            from {schema}.saga_in_flight f
            where f.coordinator_id = $1 and f.incarnation = {{Incarnation}}
        ), emptied as (
            delete from {schema}.saga_in_flight f using watched w
            where f.coordinator_id = $1 and f.incarnation = w.incarnation and f.batch = w.batch and cardinality(w.remaining) = 0
        ), reduced as (
            update {schema}.saga_in_flight f set saga_ids = w.remaining from watched w
            where f.coordinator_id = $1 and f.incarnation = w.incarnation and f.batch = w.batch
                and cardinality(w.remaining) between 1 and cardinality(w.saga_ids) - 1
        ), cleared as (
            delete from {schema}.saga_suspect k using watched w where k.saga_id = any (w.saga_ids) and k.saga_id <> all (w.remaining)
        )
        select exists (select from watched where cardinality(remaining) > 0)
        """);

    public string RecordShutdown { get; } = Statements.In(schema, """
        update {schema}.saga_coordinator set time_seen = clock_timestamp(), time_left = clock_timestamp() where id = $1 and token = $2
        """);

    public string ForgetInFlight { get; } = Statements.In(schema, $$"""
        delete from {schema}.saga_in_flight where coordinator_id = $1 and incarnation = {{Incarnation}}
        """);

    /// <summary>
    /// Finds the unfinished sagas whose last event is older than the threshold of their definition. <c>$2</c>: the default threshold;
    /// <c>$3, $4</c>: definition names and their own thresholds; <c>$5</c>: the limit; <c>$6</c>: the sagas to leave out. Young sagas are excluded by
    /// their row alone. For the others, the primary key of the log gives the last event.
    /// </summary>
    public string FindStalled { get; } = Statements.In(schema, FindStalledIn(
        $"{UnfinishedSagas.Of("$1", StalledColumns)} where s.id <> all ($6)"));

    /// <summary>The same among the sagas <c>$6</c>, with one probe of the primary key for each.</summary>
    public string FindStalledAmong { get; } = Statements.In(schema, FindStalledIn($$"""
        unnest($6) as one (id) cross join lateral (
            select {{StalledColumns}} from {schema}.saga s
            where s.id = one.id and {{Statements.AfterProbe($"s.current_coordinator = $1 and {UnfinishedSagas.IsUnfinished}")}}
            offset 0) s
        """));

    private const string StalledColumns = "s.id, s.name, s.time_created, s.definition_hash";

    /// <param name="unfinished">The from item <c>s</c> of the unfinished sagas, and perhaps a condition.</param>
    private static string FindStalledIn(string unfinished) => $$"""
        select s.id, s.name, coalesce(last.event_time, s.time_created) as since, last.node_id, last.event_type, d.dag, count(*) over () as total
        from (select s.* from {{unfinished}}) s
        join {schema}.saga_definition d on d.hash = s.definition_hash
        left join unnest($3, $4) as own (name, patience) on own.name = s.name
        left join lateral (
            select e.event_time, e.node_id, e.event_type from {schema}.saga_node_event e
            where e.saga_id = s.id
            order by e.event_time desc, array_position(array['undo_failed', 'undo_finished', 'undo_started', 'failed', 'succeeded', 'started'], e.event_type)
            limit 1) last on true
        where s.time_created < clock_timestamp() - coalesce(own.patience, $2)
            and coalesce(last.event_time, s.time_created) < clock_timestamp() - coalesce(own.patience, $2)
        order by since, s.id
        limit $5
        """;

    /// <summary>
    /// Joins the rows of a small table with those of their sagas that are unfinished and owned by <c>$1</c>. <c>offset 0</c> forces one probe of the primary
    /// key for each. The planner knows nothing about a table that is nearly always empty, and would read the index of the unfinished sagas first.
    /// </summary>
    private static string UnfinishedAmong(string sagaId) => $$"""
        cross join lateral (
            select s.name from {schema}.saga s
            where s.id = {{sagaId}} and {{Statements.AfterProbe($"s.current_coordinator = $1 and {UnfinishedSagas.IsUnfinished}")}}
            offset 0) s
        """;

    /// <summary>The incarnation of the join that <c>$1</c> and <c>$2</c> name, or null if another join has replaced it.</summary>
    private const string Incarnation = "(select incarnation from {schema}.saga_coordinator where id = $1 and token = $2)";

    /// <summary>Turns the sagas that crashed processes had in flight into suspects. <c>$1</c>: their coordinator, which still owns the sagas.</summary>
    /// <param name="dead">The condition on the rows of those processes in <c>saga_in_flight</c>.</param>
    public static string MarkSuspectsWhere(string dead) => $$"""
        with dead as (
            delete from {schema}.saga_in_flight where {{dead}} returning incarnation, saga_ids
        ), in_flight as (
            select distinct dead.incarnation, one.saga_id from dead, unnest(dead.saga_ids) as one (saga_id)
        ), suspected as (
            select i.saga_id, min(i.group_size)::int as group_size,
                (select count(*) from {schema}.saga_node_event e
                 where e.saga_id = i.saga_id and e.event_type not in ('started', 'undo_started')) as steps
            from (select saga_id, count(*) over (partition by incarnation) as group_size from in_flight) i
            join {schema}.saga s on s.id = i.saga_id and {{Statements.AfterProbe($"s.current_coordinator = $1 and {UnfinishedSagas.IsUnfinished}")}}
            group by i.saga_id
        )
        insert into {schema}.saga_suspect as k (saga_id, group_size, deaths_alone, steps)
        select saga_id, group_size, case when group_size = 1 then 1 else 0 end, steps from suspected
        on conflict (saga_id) do update set
            group_size = excluded.group_size,
            deaths_alone = excluded.deaths_alone + case when excluded.steps > k.steps then 0 else k.deaths_alone end,
            steps = excluded.steps,
            time_suspected = now()
        """;
}
