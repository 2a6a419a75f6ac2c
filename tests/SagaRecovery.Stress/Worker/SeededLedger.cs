using Dapper;
using Npgsql;

namespace SagaRecovery.Stress.Worker;

/// <summary>The ends of the seeded sagas, and the actions that ran for them.</summary>
internal sealed class SeededLedger(string connectionString)
{
    public Task<long> GoodInProgressAsync() => CountAsync(
        "stress.seeded join saga_recovery.saga on id = saga_id where kind like 'good%' and state in ('running', 'unwinding')");

    public Task<long> AbandonedAsync() => CountAsync("saga_recovery.saga where state = 'abandoned'");

    /// <summary>The number of seeded sagas of a kind; a prefix counts several.</summary>
    public Task<long> SeededAsync(string kind) => CountAsync($"stress.seeded where kind like '{kind}%'");

    /// <summary>The violations, a line each.</summary>
    /// <param name="incarnations">The number of processes so far.</param>
    public async Task<IReadOnlyList<string>> OddAsync(long incarnations)
    {
        (string Where, string What)[] odd =
        [
            ("seeded.kind like 'good%' and state <> 'succeeded'", "good sagas have not succeeded"),
            ("seeded.kind like 'corrupt%' and (state <> 'abandoned' or abandon_reason <> 'unrecoverable' or abandon_comment not like 'illegal log: %')",
                "corrupt sagas were not abandoned with the reason"),
            ($"seeded.kind in ('{SagaKind.Unknown}', '{SagaKind.Misread}') and (state <> 'running' or adopt_generation <> 1"
                + " or exists (select from saga_recovery.saga_node_event event where event.saga_id = saga.id))",
                "sagas that cannot run here were touched"),
            ($"seeded.kind not like 'good%' and seeded.kind <> '{SagaKind.Endless}' and exists (select from stress.execution where saga_id = saga.id)",
                "sagas that cannot run had an action run"),
            ($"seeded.kind = '{SagaKind.Oversized}' and (state <> 'running'"
                + " or exists (select from saga_recovery.saga_node_event event where event.saga_id = saga.id and event_type <> 'started'))",
                "sagas with an output that is too large went on"),
            ($"seeded.kind = '{SagaKind.Endless}' and (state <> 'running' or not exists (select from stress.execution where saga_id = saga.id"
                + $" and incarnation = {incarnations}))",
                "endless sagas are not running"),
        ];
        List<string> lines = [];
        foreach ((string where, string what) in odd)
        {
            long count = await CountAsync($"stress.seeded join saga_recovery.saga on saga.id = seeded.saga_id where {where}");
            if (count > 0)
            {
                lines.Add($"{count} {what}");
            }
        }

        return lines;
    }

    public Task<long> ExecutionsAsync() => CountAsync("stress.execution");

    /// <summary>The number of sagas of a kind that one process has run.</summary>
    public Task<long> ExecutedByAsync(string kind, long incarnation) => CountAsync(
        $"stress.seeded where kind = '{kind}' and exists (select from stress.execution where execution.saga_id = seeded.saga_id and incarnation = {incarnation})");

    /// <summary>Actions that one process ran twice.</summary>
    public Task<long> ExecutedTwiceAsync() => CountAsync(
        "(select from stress.execution group by saga_id, node, incarnation having count(*) > 1) as twice");

    /// <summary>Actions that were run though their success was logged: <c>event_time</c> is that of the first writer.</summary>
    public Task<long> ExecutedAfterSuccessAsync() => CountAsync(
        """
        stress.execution
        join saga_recovery.saga on saga.id = execution.saga_id
        join saga_recovery.saga_definition definition on definition.hash = saga.definition_hash
        join saga_recovery.saga_node_event event on event.saga_id = saga.id and event.event_type = 'succeeded'
            and definition.dag -> 'nodes' -> event.node_id ->> 'name' = execution.node
        where execution.time > event.event_time
        """);

    private async Task<long> CountAsync(string fromWhere)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        return await connection.ExecuteScalarAsync<long>($"select count(*) from {fromWhere}");
    }
}
