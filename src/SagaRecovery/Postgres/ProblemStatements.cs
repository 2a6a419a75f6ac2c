using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The statements for problems and their acknowledgements.</summary>
internal sealed class ProblemStatements(string schema)
{
    /// <summary>
    /// Lists the problems that rows of the store show, without those of owners, which <see cref="ClusterStatements.CountUnfinished"/> finds. <c>$1</c>: the
    /// largest number of each kind. <c>$2</c>: the actor of the crash-loop guard. Each saga is found by an index. The details are those that the reason of the
    /// kind names.
    /// </summary>
    public string List { get; } = Statements.In(schema, $$"""
        with found as (
            ({{NewestIn(SagaState.Stuck)}}) union all ({{NewestIn(SagaState.Abandoned)}}) union all (
                select 'held', h.saga_id, s.name, h.time_held, array[h.reason], null
                from {schema}.saga_hold h cross join lateral (
                    select s.name from {schema}.saga s where s.id = h.saga_id and {{Statements.AfterProbe(UnfinishedSagas.IsUnfinished)}} offset 0) s
                where h.actor = $2 order by h.time_held desc limit $1
            ) union all (
                select 'crash-loop', c.id, c.host, l.time_began, array[l.crashes::text, (extract(epoch from l.last_lived))::text], null
                from {schema}.saga_crash_loop l
                join {schema}.saga_coordinator c on c.id = l.coordinator_id and c.incarnation = l.incarnation
                where l.crashes >= 3 and c.time_left is null and (
                    c.time_joined > clock_timestamp() - greatest(l.probation, interval '1 minute')
                    or c.time_seen < clock_timestamp() - interval '15 seconds'
                    or exists (
                        select from {schema}.saga_suspect k
                        join {schema}.saga s on s.id = k.saga_id and s.current_coordinator = c.id and {{UnfinishedSagas.IsUnfinished}}))
            ) union all (
                select 'paused', c.id, c.host, p.time_paused, array[p.actor, p.reason], null
                from {schema}.saga_recovery_pause p join {schema}.saga_coordinator c on c.id = p.coordinator_id
                where exists (select from {{UnfinishedSagas.Of("c.id", "s.id")}})
            )
        )
        select f.*, a.time_acknowledged, a.actor, a.reason
        from found f left join {schema}.saga_acknowledgement a on a.problem = f.kind || ':' || f.id and {{CountsSince("f.since")}}
        """);

    /// <summary>Counts the stuck and abandoned sagas, each up to <c>$1</c>, with those that are acknowledged.</summary>
    public string Count { get; } = Statements.In(schema, $"{CountIn(SagaState.Stuck)} union all {CountIn(SagaState.Abandoned)}");

    /// <summary>Finds acknowledgements by the ids of problems, <c>$1</c>.</summary>
    public string FindAcknowledgements { get; } = Statements.In(schema, """
        select problem, time_acknowledged, actor, reason from {schema}.saga_acknowledgement where problem = any ($1)
        """);

    /// <summary>Deletes acknowledgements that were made before <c>$2</c>, by the ids of their problems, <c>$1</c>.</summary>
    public string Forget { get; } = Statements.In(schema, """
        delete from {schema}.saga_acknowledgement where problem = any ($1) and time_acknowledged < $2
        """);

    /// <summary>Acknowledges the problem <c>$1</c>: the actor <c>$2</c>, the reason <c>$3</c>. Returns the time.</summary>
    public string Acknowledge { get; } = Statements.In(schema, """
        insert into {schema}.saga_acknowledgement as a (problem, actor, reason) values ($1, $2, $3)
        on conflict (problem) do update set time_acknowledged = clock_timestamp(), actor = excluded.actor, reason = excluded.reason
        returning a.time_acknowledged
        """);

    /// <summary>
    /// The time at which a saga <c>s</c> got stuck or was abandoned. Older packages do not write <c>time_ended</c>. A time that is not a past one, such as
    /// <c>infinity</c>, does not count: no acknowledgement could be later.
    /// </summary>
    private static readonly string Since = StoredTimes.Nearest($"coalesce({Past("s.abandon_time")}, {Past("s.time_ended")}, s.adopt_time)");

    /// <summary>
    /// Returns the condition for an acknowledgement <c>a</c> of a problem that began at a time. A time in the future, such as one from before the clock of
    /// the server was set back, tells nothing.
    /// </summary>
    private static string CountsSince(string time) => $"(a.time_acknowledged >= {time} or {time} > clock_timestamp())";

    private static string Past(string time) => $"case when isfinite({time}) and {time} <= clock_timestamp() then {time} end";

    private static string NewestIn(SagaState state) => $$"""
        select '{{SagaNames.Of(state)}}' as kind, s.id, s.name, {{Since}} as since,
            {{(state == SagaState.Stuck ? "array[s.failed_node, s.error_code]" : "array[s.abandon_reason]")}} as details,
            {{(state == SagaState.Stuck ? "null" : "left(s.abandon_comment, 2000)")}} as error
        from (
            select s.* from {schema}.saga s where s.state = '{{SagaNames.Of(state)}}' order by s.time_created desc, s.id desc limit {{UnresolvedSagas.MaxCount}}) s
        left join {schema}.saga_acknowledgement a on a.problem = '{{SagaNames.Of(state)}}:' || s.id and {{CountsSince(Since)}}
        order by (a.problem is not null), s.time_created desc, s.id desc limit $1
        """;

    private static string CountIn(SagaState state) => $$"""
        select '{{SagaNames.Of(state)}}', count(*) filter (where a.problem is null), count(a.problem)
        from (select s.id, {{Since}} as since from {schema}.saga s where s.state = '{{SagaNames.Of(state)}}' limit $1) s
        left join {schema}.saga_acknowledgement a on a.problem = '{{SagaNames.Of(state)}}:' || s.id and {{CountsSince("s.since")}}
        """;
}
