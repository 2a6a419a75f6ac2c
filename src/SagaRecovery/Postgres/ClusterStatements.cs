using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The statements for coordinators that share a database: heartbeats, profiles, take-overs and reassignments.</summary>
internal sealed class ClusterStatements(string schema)
{
    /// <summary>Subscribes to hints. The channel has the name of the schema, and a payload begins with the id of the coordinator it is for.</summary>
    public string Listen { get; } = Statements.In(schema, "listen {schema}");

    /// <summary>
    /// Publishes the profile of a process. Runs behind <see cref="Statements.Lock"/>, as do <see cref="DeleteDefinitions"/> and
    /// <see cref="AddDefinitions"/>.
    /// </summary>
    public string PublishProfile { get; } = Statements.In(schema, """
        update {schema}.saga_coordinator set version = $3, publishes_definitions = $4, profile_incarnation = incarnation where id = $1 and token = $2
        """);

    public string DeleteDefinitions { get; } = Statements.In(schema, $$"""
        delete from {schema}.saga_coordinator_definition where coordinator_id = $1 and hash <> all ($3)
            and {{Statements.IsMember}}
        """);

    public string AddDefinitions { get; } = Statements.In(schema, $$"""
        insert into {schema}.saga_coordinator_definition (coordinator_id, hash, name, version, any_dag)
        select $1, d.hash, d.name, d.version, d.any_dag from unnest($3, $4, $5, $6) as d (hash, name, version, any_dag)
        where {{Statements.IsMember}}
        on conflict do nothing
        """);

    /// <summary>
    /// Locks the coordinator's row before <see cref="Heartbeat"/>, which would otherwise compare with an outdated heartbeat. Writers lock no
    /// row, so this waits for none of them.
    /// </summary>
    public string LockForHeartbeat { get; } = Statements.In(schema, """
        select id from {schema}.saga_coordinator where id = $1 for no key update
        """);

    /// <summary>Records a heartbeat. Returns true if a take-over from this coordinator happened since the previous one.</summary>
    public string Heartbeat { get; } = Statements.In(schema, $$"""
        update {schema}.saga_coordinator c set time_seen = clock_timestamp()
        from (select time_seen from {schema}.saga_coordinator where id = $1) before
        where c.id = $1 and c.token = $2 and {{Statements.WasMadeHere("c")}}
        returning coalesce(c.time_taken_over >= before.time_seen, false)
        """);

    public string ListCoordinators { get; } = Statements.In(schema, $"""
        select c.id, c.incarnation, {StateOf("c")}, c.time_seen, clock_timestamp() from {"{schema}"}.saga_coordinator c order by c.id
        """);

    public string Owners { get; } = Statements.In(schema, $"""
        select id from ({OwnersOfUnfinished}) owner
        """);

    /// <inheritdoc cref="UnfinishedSagas.Stale"/>
    public string StaleListings { get; } = Statements.In(schema, UnfinishedSagas.Stale);

    public string CountUnfinished { get; } = Statements.In(schema, $$"""
        with owned_by as (
            select o.id, c.id is not null as known,
                coalesce(c.time_left is null and c.time_seen > clock_timestamp() - $1::interval, false) as answers
            from ({{OwnersOfUnfinished}}) o left join {schema}.saga_coordinator c on c.id = o.id
        )
        select p.id, p.known, p.answers, case when not p.answers then n.unfinished end, n.oldest
        from owned_by p
        left join lateral (
            select count(*) as unfinished, min(s.time_created) as oldest
            from {{UnfinishedSagas.Of("p.id", "s.time_created")}} where not p.answers) n on true
        union all
        select null, false, false, n.unfinished, n.oldest
        from (
            select count(*) as unfinished, min(s.time_created) as oldest from {schema}.saga s
            where s.current_coordinator is null and s.state in ('running', 'unwinding')) n
        where n.unfinished > 0
        """);

    /// <summary>Counts the stuck and the abandoned sagas by the index saga_not_succeeded. <c>$1</c>: the limit. Returns the time of the database as well.</summary>
    public string CountUnresolved { get; } = Statements.In(schema, $"""
        select clock_timestamp(), {CountIn(SagaState.Stuck)}, {OldestIn(SagaState.Stuck)}, {CountIn(SagaState.Abandoned)}, {OldestIn(SagaState.Abandoned)}
        """);

    public string BeginDrain { get; } = Statements.In(schema, $$"""
        with done as (
            update {schema}.saga_coordinator set time_draining = clock_timestamp() where id = $1 and token = $2 and time_draining is null returning id
        )
        insert into {schema}.saga_operator_action (id, action, coordinator_id, actor, reason)
        select {{OperatorStatements.NextId}}, $3, id, $4, $5 from done
        """);

    /// <summary>
    /// Locks the row of the source coordinator. This waits for a heartbeat in flight, so that a coordinator which answers again is noticed.
    /// Runs behind the locks on source and takers (<see cref="Statements.LockExclusively"/>, <see cref="Statements.Lock"/>), which a batch
    /// takes in the order of the ids.
    /// </summary>
    public string LockSource { get; } = Statements.In(schema, """
        select id from {schema}.saga_coordinator where id = $1 for no key update
        """);

    /// <summary>Claims the take-over from a coordinator if it is still silent and no other process has claimed it. <c>$3..$5</c>: the observation.</summary>
    public string ClaimTakeOver { get; } = Statements.In(schema, $$"""
        with claimed as (
            update {schema}.saga_coordinator set time_taken_over = clock_timestamp()
            where id = $3 and incarnation = $4 and time_seen = $5
                and (time_taken_over is null or time_taken_over < time_seen or time_taken_over < clock_timestamp() - $6::interval)
                and {{Statements.IsMember}}
            returning id
        )
        insert into {schema}.saga_operator_action (id, action, coordinator_id, actor, reason)
        select {{OperatorStatements.NextId}}, 'take-over', id, $7, $8 from claimed returning true
        """);

    /// <summary>
    /// Turns the sagas that a coordinator had in flight when it crashed into suspects for the takers. Runs before <see cref="Reassign"/> in
    /// the same transaction. <c>$2</c>: the last heartbeat, or null; <c>$3</c>: the silence after which a coordinator does not answer.
    /// </summary>
    public string MarkSuspects { get; } = Statements.In(schema, ControlStatements.MarkSuspectsWhere($"""
        coordinator_id = $1 and exists (
                select from {schema}.saga_coordinator c where c.id = $1 and c.time_left is null and {IsSilent("c", "$2", "$3")})
        """));

    /// <summary>
    /// Moves one batch of sagas. <c>$1</c>: the owner; <c>$2</c>: true to move them even if the owner answers; <c>$3</c>: the owner's last
    /// heartbeat, or null; <c>$4</c>: the silence after which a coordinator does not answer; <c>$5</c>: the takers; <c>$6, $7</c>: the
    /// <c>adopt_xid</c> and id of the last saga of the previous batch; <c>$8</c>: the maximum number of sagas; <c>$9</c>: the number of the batch, so
    /// that the remainder does not always go to the first taker; <c>$10</c>: the join of the owner, or null; <c>$11</c>: the first transaction that
    /// the first batch did not show; <c>$12</c>: true to give sagas to takers whose recovery is paused, too. Returns the number of sagas visited and the last of them, for each taker the number of its assignment and
    /// the number of sagas it received, and the first transaction that the batch did not show.
    /// </summary>
    /// <remarks>
    /// A saga that came after the first batch is left. Otherwise two coordinators that take from each other would move the same sagas to and fro
    /// without an end.
    /// </remarks>
    public string Reassign { get; } = Statements.In(schema, ReassignPage(UnfinishedSagas.PageAfter(
        MovedColumns, "$1", "$6", "$7", "$8", UnfinishedSagas.IsCurrent, $"{UnfinishedSagas.IsUnfinished} and {MayMove}")));

    /// <summary>Moves one batch of unowned sagas; <c>$1</c> is null. A statement of its own, so that each of the two can use the index by owner.</summary>
    public string ReassignUnowned { get; } = Statements.In(schema, ReassignPage($$"""
        select {{MovedColumns}} from {schema}.saga s
        where s.current_coordinator is null and $1::uuid is null and {{UnfinishedSagas.IsUnfinished}} and (s.adopt_xid, s.id) > ($6, $7) and {{MayMove}}
        order by s.adopt_xid, s.id limit $8
        """));

    /// <summary>Moves chosen sagas of one owner, or of none. <c>$13</c>: the sagas.</summary>
    public string ReassignChosen { get; } = Statements.In(schema, ReassignPage($$"""
        select {{MovedColumns}} from {schema}.saga s
        where s.id = any ($13) and {{Statements.AfterProbe($"s.current_coordinator is not distinct from $1 and {UnfinishedSagas.IsUnfinished}")}} and (s.adopt_xid, s.id) > ($6, $7) and {{MayMove}}
        order by s.adopt_xid, s.id limit $8
        """));

    /// <summary>
    /// Records the action for each of the sagas <c>$1</c> that <see cref="ReassignChosen"/> has moved in this transaction to one of the takers
    /// <c>$2</c>, and returns these. <c>$3, $4</c>: actor and reason. A saga has the number of the transaction that moved it: a time of the move
    /// would also be that of a saga that another transaction moved while this one waited for its locks.
    /// </summary>
    public string RecordChosen { get; } = Statements.In(schema, $$"""
        insert into {schema}.saga_operator_action (id, action, coordinator_id, saga_id, actor, reason)
        select {{OperatorStatements.NextId}} + row_number() over () - 1, 'reassign', s.current_coordinator, s.id, $3, $4
        from {schema}.saga s where s.id = any ($1) and s.current_coordinator = any ($2) and s.adopt_xid = pg_current_xact_id()::text::bigint
        returning saga_id
        """);

    /// <summary>Returns the takers that are active and answer, each with whether its recovery is paused.</summary>
    public string Takers { get; } = Statements.In(schema, $"""
        select t.id, {IsPaused("t")} from {"{schema}"}.saga_coordinator t where {MayTake("t", "$1", "$2")} order by t.id
        """);

    public string RecordReassignment { get; } = Statements.In(schema, $$"""
        insert into {schema}.saga_operator_action (id, action, coordinator_id, actor, reason)
        select {{OperatorStatements.NextId}}, 'reassign', $1, $2, $3
        """);

    public string ReadCaughtUp { get; } = Statements.In(schema, """
        select coordinator_id, caught_up, not_running from {schema}.saga_assignment where coordinator_id = any ($1)
        """);

    /// <summary>
    /// The query for every owner of unfinished sagas, with one index probe for each range of each coordinator, so that the number of sagas does not
    /// matter; see <see cref="UnfinishedSagas"/>.
    /// </summary>
    private static readonly string OwnersOfUnfinished = $$"""
        select c.id from {schema}.saga_coordinator c
        where exists (select from {{UnfinishedSagas.Of("c.id", "s.id")}} limit 1)
        union all
        {{UnfinishedSagas.OwnersWithoutRow}}
        """;

    private static string CountIn(SagaState state) =>
        $$"""(select count(*) from (select from {schema}.saga s where s.state = '{{SagaNames.Of(state)}}' limit $1) as part)""";

    private static string OldestIn(SagaState state) =>
        $$"""(select s.time_created from {schema}.saga s where s.state = '{{SagaNames.Of(state)}}' order by s.time_created, s.id limit 1)""";

    /// <summary>The columns of a saga that moves.</summary>
    private const string MovedColumns = "s.id, s.definition_hash, s.adopt_xid";

    /// <summary>The condition that a batch may move a saga <c>s</c>; for the parameters, see <see cref="Reassign"/>.</summary>
    private static readonly string MayMove = $$"""
        ($2 or not exists (select from {schema}.saga_coordinator c where c.id = $1 and not {{IsSilent("c", "$3", "$4")}}))
            and ($10::uuid is null or exists (
                select from {schema}.saga_coordinator c where c.id = $1 and c.token = $10 and {{Statements.WasMadeHere("c")}}))
            and (s.adopt_xid < $11 or s.adopt_xid >= {{UnfinishedSagas.FirstUnseen}})
        """;

    /// <summary>Returns the expression for the state of a coordinator.</summary>
    public static string StateOf(string coordinator) => $"""
        case when {coordinator}.time_left is not null or {coordinator}.time_taken_over >= {coordinator}.time_seen then 'down'
                when {coordinator}.time_draining is not null then 'draining' else 'active' end
        """;

    /// <param name="page">The query for the next sagas to move, in their order, with <see cref="MovedColumns"/>.</param>
    private static string ReassignPage(string page) => $$"""
        with chunk as materialized (
            select s.id, s.definition_hash, s.adopt_xid, row_number() over (partition by s.definition_hash order by s.id) + $9 as turn
            from (
                {{page}}) s
        ), runner as (
            select h.definition_hash, t.id, row_number() over (partition by h.definition_hash order by t.id) - 1 as slot,
                count(*) over (partition by h.definition_hash) as slots
            from (select distinct definition_hash from chunk) h
            join {schema}.saga_coordinator t on {{MayTake("t", "$5", "$4")}} and ($12 or not {{IsPaused("t")}}) and (not t.publishes_definitions or exists (
                select from {schema}.saga_coordinator_definition d where d.coordinator_id = t.id and (d.hash = h.definition_hash or (d.any_dag and exists (
                    select from {schema}.saga_definition s where s.hash = h.definition_hash and s.name = d.name and s.version = d.version)))))
        ), moved as (
            update {schema}.saga s
            set current_coordinator = r.id, adopt_generation = s.adopt_generation + 1, adopt_time = clock_timestamp()
            from chunk c
            join runner r on r.definition_hash = c.definition_hash and r.slot = c.turn % r.slots
            where s.id = c.id and {{Statements.AfterProbe($"s.current_coordinator is not distinct from $1 and {UnfinishedSagas.IsUnfinished}")}}
            returning r.id as taker
        ), got as (
            select taker, count(*) as count from moved group by taker order by taker
        ), marked as (
            insert into {schema}.saga_assignment as a (coordinator_id, assigned) select taker, 1 from got order by taker
            on conflict (coordinator_id) do update set assigned = a.assigned + 1
            returning coordinator_id, assigned
        ), woken as (
            select pg_notify('{schema}', name::text) from (select taker as name from got union select $1 where exists (select from got)) w where w.name is not null
        )
        select (select count(*) from chunk), l.id, m.coordinator_id, m.assigned, g.count, l.adopt_xid, {{UnfinishedSagas.FirstUnseen}}, (select count(*) from woken)
        from (values (1)) as one
        left join (select adopt_xid, id from chunk order by adopt_xid desc, id desc limit 1) l on true
        left join (marked m join got g on g.taker = m.coordinator_id) on true
        """;

    private static string IsSilent(string coordinator, string lastSeen, string answerTimeout) =>
        $"({coordinator}.time_left is not null or {coordinator}.time_seen is not distinct from {lastSeen} or {coordinator}.time_seen < clock_timestamp() - {answerTimeout}::interval)";

    /// <summary>The condition that the recovery of a coordinator is paused: it would resume no saga that it is given.</summary>
    private static string IsPaused(string coordinator) =>
        $"exists (select from {{schema}}.saga_recovery_pause p where p.coordinator_id = {coordinator}.id)";

    private static string MayTake(string coordinator, string takers, string answerTimeout) => $"""
        ({coordinator}.id = any ({takers}) and {StateOf(coordinator)} = 'active' and {coordinator}.profile_incarnation = {coordinator}.incarnation
                and {coordinator}.time_seen > clock_timestamp() - {answerTimeout}::interval)
        """;
}
