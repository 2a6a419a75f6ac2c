namespace SagaRecovery.Postgres;

/// <summary>The statements of what recovery keeps beside the sagas. <c>$1</c> and <c>$2</c> are the coordinator's id and the token of its join.</summary>
internal sealed class ControlStatements(string schema)
{
    public string ReadPause { get; } = Statements.In(schema, """
        select time_paused, actor, reason from {schema}.saga_recovery_pause where coordinator_id = $1
        """);

    public string ReadHolds { get; } = Statements.In(schema, """
        select h.saga_id, s.name, h.time_held, h.actor, h.reason
        from {schema}.saga_hold h
        join {schema}.saga s on s.id = h.saga_id
        where s.current_coordinator = $1 and s.state in ('running', 'unwinding')
        order by h.time_held, h.saga_id
        """);

    /// <summary>How often sagas have been assigned to this coordinator, and up to which of those times it has caught up. No row: never.</summary>
    public string ReadAssignments { get; } = Statements.In(schema, """
        select assigned, caught_up from {schema}.saga_assignment where coordinator_id = $1
        """);

    public string NoteCaughtUp { get; } = Statements.In(schema, $$"""
        update {schema}.saga_assignment set caught_up = greatest(caught_up, $3), not_running = $4
        where coordinator_id = $1 and {{Statements.IsMember}}
        """);

    /// <summary>
    /// The last levers that concern this coordinator, newest first: its own, and, of the last thousand, those that move sagas from one
    /// coordinator to another.
    /// </summary>
    public string ReadActions { get; } = Statements.In(schema, """
        select id, time_taken, lever, saga_id, actor, reason, coordinator_id
        from (
            (select * from {schema}.saga_operator_action where coordinator_id = $1 order by id desc limit $2)
            union
            (select * from {schema}.saga_operator_action
             where id > (select max(id) - 1000 from {schema}.saga_operator_action) and lever in ('reassign', 'take-over', 'drain', 'revoke'))) a
        order by id desc limit $2
        """);

    /// <summary>
    /// Makes suspects of what earlier incarnations had in hand. Each is accused of the smallest group in which it was in hand; alone, of
    /// one more death, unless more of its steps have ended than at its last accusation.
    /// </summary>
    public string MarkSuspects { get; } = Statements.In(schema, MarkSuspectsWhere($"coordinator_id = $1 and incarnation < {Incarnation}"));

    public string ReadSuspects { get; } = Statements.In(schema, """
        select k.saga_id, k.group_size, k.deaths_alone
        from {schema}.saga_suspect k
        join {schema}.saga s on s.id = k.saga_id
        where s.current_coordinator = $1 and s.state in ('running', 'unwinding')
        """);

    /// <summary>How the process before this one ended. No row: there was none.</summary>
    public string ReadPrevious { get; } = Statements.In(schema, """
        select clock_timestamp() - previous_time_seen, previous_time_left is null
        from {schema}.saga_coordinator where id = $1 and previous_time_seen is not null
        """);

    /// <summary>Numbered by what is there: see <see cref="OperatorStatements.NextId"/>. One process hands over one batch at a time.</summary>
    public string RecordInFlight { get; } = Statements.In(schema, $$"""
        insert into {schema}.saga_in_hand (coordinator_id, incarnation, batch, saga_ids)
        select c.id, c.incarnation, coalesce(max(h.batch), 0) + 1, $3
        from {schema}.saga_coordinator c
        left join {schema}.saga_in_hand h on h.coordinator_id = c.id and h.incarnation = c.incarnation
        where c.id = $1 and c.token = $2 and {{Statements.WasMadeHere("c")}}
        group by c.id
        """);

    /// <summary>Forgets what this incarnation has had in hand for longer than <c>$3</c>, and lifts the suspicion from it.</summary>
    public string ClearSuspects { get; } = Statements.In(schema, $$"""
        with outlived as (
            delete from {schema}.saga_in_hand
            where coordinator_id = $1 and incarnation = {{Incarnation}} and time_handed_over < clock_timestamp() - $3::interval
            returning saga_ids
        )
        delete from {schema}.saga_suspect k using outlived where k.saga_id = any (outlived.saga_ids)
        """);

    public string Leave { get; } = Statements.In(schema, """
        update {schema}.saga_coordinator set time_seen = clock_timestamp(), time_left = clock_timestamp() where id = $1 and token = $2
        """);

    public string ForgetInFlight { get; } = Statements.In(schema, $$"""
        delete from {schema}.saga_in_hand where coordinator_id = $1 and incarnation = {{Incarnation}}
        """);

    /// <summary>
    /// Sagas in progress whose last event is older than their definition is given; <c>$2</c>: the usual patience, <c>$3, $4</c>: names and
    /// their own. Young sagas are left out by their row alone; for the others the last event comes from the log's primary key.
    /// </summary>
    public string FindStalled { get; } = Statements.In(schema, """
        select s.id, s.name, coalesce(last.event_time, s.time_created) as since, last.node_id, last.event_type, d.dag, count(*) over () as total
        from {schema}.saga s
        join {schema}.saga_definition d on d.hash = s.definition_hash
        left join unnest($3, $4) as own (name, patience) on own.name = s.name
        left join lateral (
            select e.event_time, e.node_id, e.event_type from {schema}.saga_node_event e
            where e.saga_id = s.id
            order by e.event_time desc, array_position(array['undo_failed', 'undo_finished', 'undo_started', 'failed', 'succeeded', 'started'], e.event_type)
            limit 1) last on true
        where s.current_coordinator = $1 and s.state in ('running', 'unwinding')
            and s.time_created < clock_timestamp() - coalesce(own.patience, $2)
            and coalesce(last.event_time, s.time_created) < clock_timestamp() - coalesce(own.patience, $2)
        order by since, s.id
        limit $5
        """);

    /// <summary>The number of the join that <c>$1</c> and <c>$2</c> name; null: it does not stand there any more.</summary>
    private const string Incarnation = "(select incarnation from {schema}.saga_coordinator where id = $1 and token = $2)";

    /// <summary>Makes suspects of what processes that died had in hand. <c>$1</c> is their coordinator, which still owns it.</summary>
    /// <param name="dead">The condition on their rows in <c>saga_in_hand</c>.</param>
    public static string MarkSuspectsWhere(string dead) => $$"""
        with dead as (
            delete from {schema}.saga_in_hand where {{dead}} returning incarnation, saga_ids
        ), in_hand as (
            select distinct dead.incarnation, one.saga_id from dead, unnest(dead.saga_ids) as one (saga_id)
        ), accused as (
            select i.saga_id, min(i.group_size)::int as group_size,
                (select count(*) from {schema}.saga_node_event e
                 where e.saga_id = i.saga_id and e.event_type not in ('started', 'undo_started')) as steps
            from (select saga_id, count(*) over (partition by incarnation) as group_size from in_hand) i
            join {schema}.saga s on s.id = i.saga_id and s.current_coordinator = $1 and s.state in ('running', 'unwinding')
            group by i.saga_id
        )
        insert into {schema}.saga_suspect as k (saga_id, group_size, deaths_alone, steps)
        select saga_id, group_size, case when group_size = 1 then 1 else 0 end, steps from accused
        on conflict (saga_id) do update set
            group_size = excluded.group_size,
            deaths_alone = excluded.deaths_alone + case when excluded.steps > k.steps then 0 else k.deaths_alone end,
            steps = excluded.steps,
            time_accused = now()
        """;
}
