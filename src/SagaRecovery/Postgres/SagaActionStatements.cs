namespace SagaRecovery.Postgres;

/// <summary>
/// The statements of the operator actions that run on one saga or many. <c>@Ids, @Owners, @Generations</c> are parallel arrays: the sagas, with owner
/// and generation as the operator saw them. <c>@Kind, @Actor, @Reason</c> go into the record of operator actions, one entry for each saga;
/// <c>@Sender</c> is this process. Each statement returns the ids of the sagas that it changed.
/// </summary>
internal sealed class SagaActionStatements(string schema)
{
    private const string Seen = "unnest(@Ids, @Owners, @Generations) as n (id, owner, generation)";

    /// <summary>Reads what decides about an action. <c>@Ids</c>: the sagas. One probe of the primary key each.</summary>
    public string Find { get; } = Statements.In(schema, $$"""
        select {{OperatorStatements.Summary}}, {{StoredTimes.Nearest("s.cancel_time")}} as "CancelTime", s.cancel_actor as "CancelActor", s.cancel_reason as "CancelReason"
        from unnest(@Ids) as n (id) join {schema}.saga s on s.id = n.id left join {schema}.saga_hold h on h.saga_id = s.id
        """);

    /// <summary>
    /// Locks the owners of sagas before a statement of <see cref="OwnerLock"/> changes the sagas: waits for their writes in flight and blocks later
    /// ones. <c>@Locks</c>: the owners, in the order of their ids, as all that lock several. See <see cref="Statements.LockExclusively"/>.
    /// </summary>
    public string LockOwners { get; } = Statements.In(schema, $"""
        select {Statements.Durably}, pg_advisory_xact_lock({Statements.KeyOf("owner")}) from unnest(@Locks) as o (owner)
        """);

    public string Hold { get; } = Statements.In(schema, $$"""
        {{HoldWith(stopsRun: "false")}},
        {{RecordWith("target.current_coordinator", "target.id", "target")}}
        select saga_id from recorded
        """);

    /// <summary>Holds sagas, and lets their owners stop present runs.</summary>
    public string Suspend { get; } = Statements.In(schema, $$"""
        {{HoldWith(stopsRun: "true")}},
        {{RecordWith("target.current_coordinator", "target.id", "target")}}
        {{SelectWithHint}}
        """);

    /// <summary>Requests cancellations. Runs behind the locks on the owners, so that a success is either written before or refused.</summary>
    public string Cancel { get; } = Statements.In(schema, $$"""
        with done as (
            update {schema}.saga s set cancel_time = clock_timestamp(), cancel_actor = @Actor, cancel_reason = @Reason
            from {{Seen}}
            where s.id = n.id and {{Statements.AfterProbe("s.state = 'running' and s.cancel_time is null and s.current_coordinator is not distinct from n.owner")}}
            returning s.id, s.current_coordinator
        ),
        {{RecordWith("done.current_coordinator", "done.id", "done")}}
        {{SelectWithHint}}
        """);

    public string Release { get; } = Statements.In(schema, $$"""
        with done as (
            delete from {schema}.saga_hold h using {schema}.saga s where h.saga_id = any (@Ids) and s.id = h.saga_id returning s.id, s.current_coordinator
        ),
        {{RecordWith("done.current_coordinator", "done.id", "done")}}
        {{SelectWithHint}}
        """);

    /// <summary>
    /// Abandons sagas that are unfinished, have the owner and generation that the operator saw, and whose owner has not answered again meanwhile,
    /// unless <c>@Force</c>. <c>@State</c>: the state that the operator saw, or null. Runs behind the locks on the owners.
    /// </summary>
    public string Abandon { get; } = Statements.In(schema, $$"""
        with done as (
            update {schema}.saga s set state = 'abandoned', time_ended = clock_timestamp(), abandon_time = clock_timestamp(), abandon_reason = 'operator',
                abandon_comment = format('%s: %s', @Actor, @Reason)
            from {{Seen}}
            where s.id = n.id
                and {{Statements.AfterProbe($"{UnfinishedSagas.IsUnfinished} and s.current_coordinator is not distinct from n.owner and s.adopt_generation = n.generation")}}
                and (@State::text is null or s.state = @State)
                and (@Force or not exists (
                    select from {schema}.saga_coordinator c
                    where c.id = n.owner and c.time_left is null and c.time_seen > clock_timestamp() - @AnswerTimeout))
            returning s.id, s.current_coordinator
        ),
        {{RecordWith("done.current_coordinator", "done.id", "done")}}
        select saga_id from recorded
        """);

    /// <summary>Ends a statement: one hint for each coordinator, since a transaction sends equal ones once. A process ignores its own hints.</summary>
    private const string SelectWithHint = "select saga_id from recorded, pg_notify('{schema}', format('%s %s', coordinator_id, @Sender))";

    /// <summary>Holds sagas in progress, which are then the rows of <c>target</c>.</summary>
    private static string HoldWith(string stopsRun) => $$"""
        with target as (
            select s.id, s.current_coordinator from {schema}.saga s where s.id = any (@Ids) and {{Statements.AfterProbe(UnfinishedSagas.IsUnfinished)}}
        ), done as (
            insert into {schema}.saga_hold (saga_id, actor, reason, stops_run) select id, @Actor, @Reason, {{stopsRun}} from target order by id
            on conflict (saga_id) do update set actor = excluded.actor, reason = excluded.reason, stops_run = excluded.stops_run
        )
        """;

    /// <summary>Records an operator action for each row of a source. Belongs into a <c>with</c>, and is then the source <c>recorded</c>.</summary>
    private static string RecordWith(string coordinator, string sagaId, string source) => $$"""
        recorded as (
            insert into {schema}.saga_operator_action (id, action, coordinator_id, saga_id, actor, reason)
            select {{OperatorStatements.NextId}} + row_number() over () - 1, @Kind, {{coordinator}}, {{sagaId}}, @Actor, @Reason from {{source}}
            returning saga_id, coordinator_id
        )
        """;
}
