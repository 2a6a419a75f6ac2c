namespace SagaRecovery.Postgres;

/// <content>The writes of entries to the logs of sagas.</content>
internal sealed partial class Statements
{
    /// <summary>
    /// Writes the entries whose saga this coordinator still owns and that is unfinished. Returns their ordinals, from 1, and also 0 if this
    /// process's join is current. <c>$3..$5</c> are parallel arrays: saga, generation and new state of each entry. So are <c>$6..$9</c>:
    /// ordinal of the entry, node, type and data of each event. Fails with <c>unique_violation</c> if an event exists.
    /// </summary>
    /// <remarks>
    /// A single statement checks the owner only once for each entry. <c>is true</c> makes the planner keep the ordinals in a hash table, at any
    /// estimate of their number. A join could compare every event with every ordinal.
    /// </remarks>
    public string Append { get; } = In(schema, AppendWith(change: $"state = w.new_state, {RetentionStatements.TimeEnded("w.new_state")}"));

    /// <summary>
    /// <see cref="Append"/> for entries with a cancellation or a failure, which it stores with the new state. A stored cancellation stays.
    /// <c>$10..$13</c> are parallel arrays: ordinal of the entry, time, actor and reason of each cancellation. So are <c>$14..$16</c>: ordinal
    /// of the entry, node and error code of each failure.
    /// </summary>
    public string AppendCauses { get; } = In(schema, AppendWith(ChangeWithCauses, Causes));

    /// <summary>
    /// <see cref="AppendCauses"/> for events of which some may exist already, since an attempt whose answer was lost has written them. They stay as they are.
    /// </summary>
    /// <remarks>
    /// Only for this case: <c>on conflict</c> makes Postgres write a second record to its WAL for each inserted row, and takes it a third to half as long again.
    /// </remarks>
    public string AppendRepeated { get; } = In(schema, AppendWith(ChangeWithCauses, Causes, conflicts: "on conflict (saga_id, node_id, event_type) do nothing"));

    private static readonly string ChangeWithCauses = $"""
        state = w.new_state, {RetentionStatements.TimeEnded("w.new_state")}, cancel_time = coalesce(s.cancel_time, c.time), cancel_actor = coalesce(s.cancel_actor, c.actor),
                cancel_reason = coalesce(s.cancel_reason, c.reason),
                failed_node = case when f.ordinal is null then s.failed_node else f.node end, error_code = coalesce(f.code, s.error_code)
        """;

    private const string Causes = """
         left join unnest($10, $11, $12, $13) as c (ordinal, time, actor, reason) on c.ordinal = w.ordinal
                left join unnest($14, $15, $16) as f (ordinal, node, code) on f.ordinal = w.ordinal
        """;

    private static string AppendWith(string change, string causes = "", string conflicts = "") => $$"""
        with owned as materialized (
            select e.ordinal, e.saga_id, e.new_state
            from unnest($3, $4, $5) with ordinality as e (saga_id, generation, new_state, ordinal)
            where {{IsOwned("e")}}
        ), events as (
            insert into {schema}.saga_node_event (saga_id, node_id, event_type, data, creator)
            select ($3)[n.ordinal], n.node_id, n.event_type, n.data, $1
            from unnest($6, $7, $8, $9) as n (ordinal, node_id, event_type, data)
            where (n.ordinal in (select o.ordinal from owned o)) is true
            {{conflicts}}
        ), changed as (
            update {schema}.saga s set {{change}}
            from (select distinct on (saga_id) saga_id, new_state, ordinal from owned where new_state is not null order by saga_id, ordinal desc) w{{causes}}
            where s.id = w.saga_id and s.state <> w.new_state
        )
        select ordinal from owned
        union all
        select 0 where {{IsMember}}
        """;
}
