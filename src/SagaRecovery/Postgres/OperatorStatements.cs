namespace SagaRecovery.Postgres;

/// <summary>The statements for the queries and actions of operators.</summary>
internal sealed class OperatorStatements(string schema)
{
    /// <summary>
    /// The number of an operator action: one more than the highest in the table. Two concurrent actions may take the same number; the later
    /// one then fails on the key and is retried. A sequence would start again after a move by logical replication, which copies none.
    /// </summary>
    public const string NextId = "(select coalesce(max(id), 0) + 1 from {schema}.saga_operator_action)";

    /// <summary>The columns of <see cref="OperatorRows.Summary"/>.</summary>
    public static string Summary { get; } = $"""
        s.id as "Id", left(s.name, 1000) as "Name", s.state as "State", s.current_coordinator as "Owner", s.adopt_generation as "Generation",
            {StoredTimes.Nearest("s.time_created")} as "TimeCreated", {StoredTimes.FaultsOf(("s.time_created", "time_created"))} as "Faults",
            (h.saga_id is not null) as "IsHeld"
        """;

    /// <summary>The largest number of coordinators in a list.</summary>
    private const string MaxCoordinators = "10000";

    private static string Coordinator { get; } = $"""
        {ClusterStatements.StateOf("c")} as "State", c.version as "Version", c.publishes_definitions as "PublishesDefinitions",
            c.id as "Id", c.incarnation as "Incarnation", c.host as "Host", c.process_id as "ProcessId",
            {StoredTimes.Nearest("c.time_joined")} as "TimeJoined",
            clock_timestamp() - {StoredTimes.Nearest("c.time_seen")} as "Silence", (c.time_left is not null) as "HasShutDown",
            {StoredTimes.Nearest("p.time_paused")} as "TimePaused", p.actor as "PauseActor", p.reason as "PauseReason",
            {StoredTimes.FaultsOf(("c.time_joined", "time_joined"), ("c.time_seen", "time_seen"), ("p.time_paused", "time_paused"))} as "Faults"
        """;

    public string FindSaga { get; } = Statements.In(schema, $$"""
        select {{Summary}}, s.creator as "Creator", {{StoredTimes.Nearest("s.adopt_time")}} as "TimeAdopted",
            d.version as "Version", d.hash as "Hash", d.dag::text as "Dag", left(s.params::text, @Longest) as "Parameters",
            {{StoredTimes.Nearest("s.deadline")}} as "Deadline",
            {{StoredTimes.Nearest("s.cancel_time")}} as "CancelTime", s.cancel_actor as "CancelActor", s.cancel_reason as "CancelReason",
            {{StoredTimes.Nearest("s.abandon_time")}} as "AbandonTime", s.abandon_reason as "AbandonReason", left(s.abandon_comment, @Longest) as "AbandonComment",
            s.failed_node as "FailedNode", s.error_code as "ErrorCode",
            array(select format('%s=%s', t.name, t.value) from {schema}.saga_tag t where t.saga_id = s.id order by t.name collate "C") as "Tags",
            {{StoredTimes.Nearest("h.time_held")}} as "TimeHeld", h.actor as "HoldActor", h.reason as "HoldReason",
            coalesce(h.stops_run, false) as "HoldStopsRun",
            {{StoredTimes.FaultsOf(("s.adopt_time", "adopt_time"), ("s.deadline", "deadline"), ("s.cancel_time", "cancel_time"),
                ("s.abandon_time", "abandon_time"), ("h.time_held", "time_held"))}} as "OtherFaults"
        from {schema}.saga s
        join {schema}.saga_definition d on d.hash = s.definition_hash
        left join {schema}.saga_hold h on h.saga_id = s.id
        where s.id = @Id
        """);

    /// <summary>
    /// The order of writing of the events of a saga. Events that were written together have the same time. Parents have the lower ids, so actions are
    /// sorted by ascending and undos by descending id.
    /// </summary>
    public const string OrderOfEvents = """
        event_time, event_type like 'undo%', case when event_type like 'undo%' then -node_id else node_id end,
            array_position(array['started', 'succeeded', 'failed', 'undo_started', 'undo_finished', 'undo_failed'], event_type)
        """;

    /// <summary>Finds the events of a saga in the order of writing.</summary>
    public string FindEvents { get; } = Statements.In(schema, $$"""
        select {{StoredTimes.Nearest("event_time")}} as "Time", node_id as "NodeId", event_type as "Type", left(data::text, @Longest) as "Data",
            creator as "Creator", {{StoredTimes.FaultsOf(("event_time", "event_time"))}} as "Fault"
        from {schema}.saga_node_event where saga_id = @Id
        order by {{OrderOfEvents}}
        limit 10000
        """);

    public string FindOwner { get; } = Statements.In(schema, $$"""
        select {{Coordinator}}, null::bigint as "InProgress", null::text[] as "Definitions"
        from {schema}.saga s
        join {schema}.saga_coordinator c on c.id = s.current_coordinator
        left join {schema}.saga_recovery_pause p on p.coordinator_id = c.id
        where s.id = @Id
        """);

    public string FindCoordinators { get; } = Statements.In(schema, $$"""
        select {{Coordinator}}, null::bigint as "InProgress", null::text[] as "Definitions"
        from {schema}.saga_coordinator c
        left join {schema}.saga_recovery_pause p on p.coordinator_id = c.id
        where c.id = any (@Ids)
        """);

    public string ListCoordinators { get; } = Statements.In(schema, $$"""
        select {{Coordinator}},
            (select count(*) from {{UnfinishedSagas.Of("c.id", "s.id")}}) as "InProgress",
            (select array_agg(format('%s v%s', left(d.name, 1000), d.version) order by d.name, d.version)
             from {schema}.saga_coordinator_definition d where d.coordinator_id = c.id) as "Definitions"
        from {schema}.saga_coordinator c
        left join {schema}.saga_recovery_pause p on p.coordinator_id = c.id
        order by c.id
        limit {{MaxCoordinators}}
        """);

    public string Pause { get; } = Statements.In(schema, $$"""
        with done as (
            insert into {schema}.saga_recovery_pause as p (coordinator_id, actor, reason) values (@Coordinator, @Actor, @Reason)
            on conflict (coordinator_id) do update set actor = excluded.actor, reason = excluded.reason
            returning coordinator_id
        )
        {{Record("done.coordinator_id", "null", "done")}}
        """);

    public string Resume { get; } = Statements.In(schema, $$"""
        with done as (delete from {schema}.saga_recovery_pause where coordinator_id = @Coordinator returning coordinator_id),
        {{RecordAndHint("done.coordinator_id", "null", "done")}}
        """);

    public string RecordRetry { get; } = Statements.In(schema, Record(
        "s.current_coordinator", "s.id", $$"""{schema}.saga s where s.id = @Id and {{Statements.AfterProbe(UnfinishedSagas.IsUnfinished)}}"""));

    /// <summary>
    /// Locks the owner of a saga before a statement of <see cref="OwnerLock"/> changes the saga: waits for the owner's writes in flight and
    /// blocks later ones. Locks nothing if the saga has no owner. See <see cref="Statements.LockExclusively"/>.
    /// </summary>
    public string LockOwner { get; } = Statements.In(schema, $"""
        select {Statements.Durably}, pg_advisory_xact_lock({Statements.KeyOf("owner")}) from (values (@Owner::uuid)) as o (owner) where owner is not null
        """);

    /// <summary>
    /// Replaces every join with one that no process holds. Processes that joined before are fenced, and join again after a restart. Runs
    /// behind a lock on each coordinator and before <see cref="RecordRevocation"/>. Returns the ids.
    /// </summary>
    public string RevokeJoins { get; } = Statements.In(schema, """
        update {schema}.saga_coordinator
        set token = gen_random_uuid(), incarnation = incarnation + 1, predecessors = '{}', time_left = coalesce(time_left, clock_timestamp())
        where id = any ($1) returning id
        """);

    /// <summary>Returns all coordinators, in the order in which they are locked.</summary>
    public string ListIds { get; } = Statements.In(schema, """
        select id from {schema}.saga_coordinator order by id
        """);

    public string RecordRevocation { get; } = Statements.In(schema, $$"""
        insert into {schema}.saga_operator_action (id, action, actor, reason) select {{NextId}}, $1, $2, $3
        """);

    /// <summary>Fails a node whose action has started and not ended. The new generation fences a run of the saga.</summary>
    public string InjectError { get; } = Statements.In(schema, $$"""
        with done as (
            update {schema}.saga set adopt_generation = adopt_generation + 1, adopt_time = clock_timestamp()
            where {{IsUnchanged}} and {{Has("'started'")}} and not {{Has("'succeeded', 'failed'")}}
            returning id, current_coordinator
        ), injected as (
            insert into {schema}.saga_node_event (saga_id, node_id, event_type, data, event_time, creator)
            select id, @Node, 'failed', json_build_object('code', 'injected', 'message', format('%s: %s', @Actor, @Reason), 'byOperator', true),
                clock_timestamp(), coalesce(current_coordinator, '00000000-0000-0000-0000-000000000000'::uuid)
            from done
        ),
        {{RecordAndHint("done.current_coordinator", "done.id", "done")}}
        """);

    /// <summary>Takes the failures of the undos out of the log: an undo that has started and not ended runs again.</summary>
    public string RetryUndo { get; } = Statements.In(schema, $$"""
        with done as (
            {{LeaveStuck}}
            returning id, current_coordinator
        ), deleted as (
            delete from {schema}.saga_node_event e using done where e.saga_id = done.id and e.event_type = 'undo_failed'
        ),
        {{RecordAndHint("done.current_coordinator", "done.id", "done")}}
        """);

    /// <summary>
    /// Ends an undo that has failed, or that an unwinding saga has in flight. <c>@Seen</c>: the state of the saga when its log was read;
    /// <c>@GivenReason</c>: the reason of the operator; <c>@Reason</c>: with
    /// the error of the undo. The new generation fences a run of the saga.
    /// </summary>
    public string SkipUndo { get; } = Statements.In(schema, $$"""
        with done as (
            update {schema}.saga set state = 'unwinding', adopt_generation = adopt_generation + 1, adopt_time = clock_timestamp()
            where state = @Seen and (({{IsStuck}} and {{Has("'undo_failed'")}})
                or ({{IsUnchanged}} and {{Has("'undo_started'")}} and not {{Has("'undo_finished'")}}))
            returning id, current_coordinator
        ), deleted as (
            delete from {schema}.saga_node_event e using done where e.saga_id = done.id and e.node_id = @Node and e.event_type = 'undo_failed'
        ), skipped as (
            insert into {schema}.saga_node_event (saga_id, node_id, event_type, data, event_time, creator)
            select id, @Node, 'undo_finished', json_build_object('skipped', json_build_object('actor', @Actor::text, 'reason', @GivenReason::text)),
                clock_timestamp(), coalesce(current_coordinator, '00000000-0000-0000-0000-000000000000'::uuid)
            from done
        ),
        {{RecordAndHint("done.current_coordinator", "done.id", "done")}}
        """);

    /// <summary>
    /// Returns a stuck saga to unwinding if it has the owner and generation that the operator saw. No process runs it, so its owner may answer.
    /// The new generation fences a process that believes that it does.
    /// </summary>
    private static string LeaveStuck => $$"""
        update {schema}.saga set state = 'unwinding', adopt_generation = adopt_generation + 1, adopt_time = clock_timestamp()
            where {{IsStuck}}
        """;

    /// <summary>The condition that the saga is stuck, and has the owner and generation that the operator saw.</summary>
    private static string IsStuck =>
        $"id = @Id and {Statements.AfterProbe("state = 'stuck' and current_coordinator is not distinct from @Owner and adopt_generation = @Generation")}";

    /// <summary>The condition that the log has an event of the node of one of these types.</summary>
    private static string Has(string types) =>
        $$"""exists (select from {schema}.saga_node_event where saga_id = @Id and node_id = @Node and event_type in ({{types}}))""";

    /// <summary>
    /// The condition that the saga is unfinished, has the owner, generation and state that the operator saw, and that its owner has not
    /// answered again meanwhile.
    /// </summary>
    private static string IsUnchanged => $$"""
        id = @Id and {{Statements.AfterProbe("state in ('running', 'unwinding') and current_coordinator is not distinct from @Owner and adopt_generation = @Generation")}}
                and (@State::text is null or state = @State)
                and (@Force or not exists (
                    select from {schema}.saga_coordinator
                    where id = @Owner and time_left is null and time_seen > clock_timestamp() - @AnswerTimeout))
        """;

    /// <summary>Records an operator action for each row of a source, and returns a row for each.</summary>
    private static string Record(string coordinator, string sagaId, string source) => $$"""
        insert into {schema}.saga_operator_action (id, action, coordinator_id, saga_id, actor, reason)
        select {{NextId}}, @Kind, {{coordinator}}, {{sagaId}}, @Actor, @Reason from {{source}} returning true
        """;

    /// <summary>Records an operator action and sends a hint to the coordinator, which ignores hints of its own process. Belongs into a <c>with</c>.</summary>
    private static string RecordAndHint(string coordinator, string sagaId, string source) => $$"""
        recorded as (
            insert into {schema}.saga_operator_action (id, action, coordinator_id, saga_id, actor, reason)
            select {{NextId}}, @Kind, {{coordinator}}, {{sagaId}}, @Actor, @Reason from {{source}} returning coordinator_id
        )
        select true from recorded, pg_notify('{schema}', format('%s %s', coordinator_id, @Sender))
        """;
}
