using Dapper;
using Npgsql;

namespace Tests.Shared;

/// <summary>The state of the database, read without the service.</summary>
internal sealed class Ledger(string connectionString)
{
    public async Task<IReadOnlyList<Guid>> SagasInProgressAsync() =>
        [.. await QueryAsync<Guid>("select id from saga_recovery.saga where state in ('running', 'unwinding') order by id")];

    /// <summary>The number of sagas in each state, as <c>project-create succeeded</c>.</summary>
    public async Task<IReadOnlyDictionary<string, long>> SagasByStateAsync() =>
        (await QueryAsync<(string Key, long Count)>("select name || ' ' || state, count(*) from saga_recovery.saga group by 1"))
            .ToDictionary(row => row.Key, row => row.Count);

    /// <summary>Waits until the statements that a killed process had sent have taken effect or failed.</summary>
    public Task ServiceHasDisconnectedAsync() => Eventually.HoldsAsync(
        async () => await ScalarAsync<long>(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()") == 0,
        "the server had noticed that the process had stopped");

    /// <summary>Waits until the server has executed all statements that a stopped process had sent.</summary>
    public Task ServerIsDoneAsync() => Eventually.HoldsAsync(
        async () => await ScalarAsync<long>(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state = 'active'") == 0,
        "the server had done what it was sent");

    /// <summary>The rows of all the control plane's tables but the demo's, a line each, in a fixed order.</summary>
    public async Task<IReadOnlyList<string>> RowsAsync() =>
        [.. await QueryAsync<string>(
            """
            select 'project ' || project::text from control_plane.project
            union all select 'vpc ' || vpc::text from control_plane.vpc
            union all select 'router ' || vpc_router::text from control_plane.vpc_router
            union all select 'route ' || router_route::text from control_plane.router_route
            union all select 'subnet ' || vpc_subnet::text from control_plane.vpc_subnet
            union all select 'rule ' || vpc_firewall_rule::text from control_plane.vpc_firewall_rule
            order by 1
            """)];

    /// <summary>The names of projects that are ready and have all that belongs to them.</summary>
    public async Task<IReadOnlySet<string>> WholeProjectsAsync() =>
        (await QueryAsync<string>(
            """
            select project.name from control_plane.project
            where state = 'ready' and (
                select count(distinct vpc.id) = 1 and count(distinct router.id) = 1 and count(distinct route.id) = 2
                    and count(distinct subnet.id) = 1 + project.zones and count(distinct rule.name) = 3
                from control_plane.vpc
                left join control_plane.vpc_router router on router.vpc_id = vpc.id
                left join control_plane.router_route route on route.router_id = router.id
                left join control_plane.vpc_subnet subnet on subnet.vpc_id = vpc.id
                left join control_plane.vpc_firewall_rule rule on rule.vpc_id = vpc.id
                where vpc.project_id = project.id)
            """)).ToHashSet();

    public Task<long> ProjectsAsync() => ScalarAsync<long>("select count(*) from control_plane.project");

    /// <summary>Succeeded sagas in which a node did not start and succeed exactly once, or anything was undone.</summary>
    public Task<long> SucceededSagasThatDoNotAddUpAsync() => ScalarAsync<long>(
        """
        select count(*) from (
            select saga.id
            from saga_recovery.saga join saga_recovery.saga_definition definition on definition.hash = saga.definition_hash
            left join saga_recovery.saga_node_event event on event.saga_id = saga.id
            where state = 'succeeded'
            group by saga.id, definition.hash
            having count(*) filter (where event_type = 'started') <> json_array_length(definition.dag -> 'nodes')
                or count(*) filter (where event_type = 'succeeded') <> json_array_length(definition.dag -> 'nodes')
                or count(*) filter (where event_type not in ('started', 'succeeded')) <> 0) as odd
        """);

    /// <summary>
    /// Sagas whose events were written by more owners in turn than they have had: writes of two owners both took effect. A line each.
    /// </summary>
    public Task<IEnumerable<string>> SagasOfTwoWritersAsync() => QueryAsync<string>(
        """
        select format('saga %s has had %s owners, and its writers changed %s times', saga.id, adopt_generation, changes)
        from saga_recovery.saga
        join (
            select saga_id, count(*) filter (where creator <> before) as changes
            from (select saga_id, creator, lag(creator) over (partition by saga_id order by event_time) as before from saga_recovery.saga_node_event) events
            group by saga_id) writers on writers.saga_id = saga.id
        where changes >= adopt_generation
        """);

    /// <summary>
    /// Unwound sagas in which not each node that succeeded was undone, or not exactly one failed though the saga was not cancelled, with their logs.
    /// </summary>
    public Task<IEnumerable<string>> UnwoundSagasThatDoNotAddUpAsync() => QueryAsync<string>(
        """
        select format('unwound saga %s does not add up: %s', saga.id,
            string_agg(format('%s %s', event.node_id, event.event_type), ', ' order by event.event_time, event.node_id))
        from saga_recovery.saga left join saga_recovery.saga_node_event event on event.saga_id = saga.id
        where state = 'unwound'
        group by saga.id
        having (cancel_time is null and (
                count(*) filter (where event_type = 'failed') <> 1
                or count(*) filter (where event_type = 'undo_started') <> count(*) filter (where event_type = 'succeeded')
                or count(*) filter (where event_type = 'undo_finished') <> count(*) filter (where event_type = 'succeeded')))
            or exists (
                select from saga_recovery.saga_node_event done
                where done.saga_id = saga.id and done.event_type in ('succeeded', 'undo_started') and not exists (
                    select from saga_recovery.saga_node_event undone
                    where undone.saga_id = saga.id and undone.node_id = done.node_id and undone.event_type = 'undo_finished'))
        """);

    /// <summary>The states of these sagas that are not <c>unwound</c>, a line each.</summary>
    public async Task<IReadOnlyList<string>> NotUnwoundAsync(IReadOnlyCollection<Guid> sagas)
    {
        await using NpgsqlConnection connection = Connection();
        return [.. await connection.QueryAsync<string>(
            "select format('saga %s was cancelled and is %s', id, state) from saga_recovery.saga where id = any(@sagas) and state <> 'unwound'",
            new { sagas = sagas.ToArray() })];
    }

    /// <summary>Unwound sagas in which a node that succeeded was not undone exactly once.</summary>
    public Task<IEnumerable<Guid>> UnwoundSagasWithNodesNotUndoneAsync() => QueryAsync<Guid>(
        """
        select saga.id
        from saga_recovery.saga left join saga_recovery.saga_node_event event on event.saga_id = saga.id
        where state = 'unwound'
        group by saga.id
        having count(*) filter (where event_type = 'undo_finished') <> count(*) filter (where event_type = 'succeeded')
        """);

    /// <summary>Gaps in the logs: events without the required earlier event. The saga, and the missing event.</summary>
    public Task<IEnumerable<(Guid Saga, string Hole)>> GapsAsync() => QueryAsync<(Guid, string)>(
        """
        select event.saga_id, format('node %s has %s without %s', event.node_id, event.event_type, needs.earlier)
        from saga_recovery.saga_node_event event
        join (values ('succeeded', 'started'), ('failed', 'started'), ('undo_started', 'succeeded'), ('undo_finished', 'undo_started'),
            ('undo_failed', 'undo_started')) needs (later, earlier) on needs.later = event.event_type
        where not exists (
            select from saga_recovery.saga_node_event
            where saga_id = event.saga_id and node_id = event.node_id and event_type = needs.earlier)
        union all
        select event.saga_id, format('node %s has started, and its parent %s has not succeeded', event.node_id, parent.node_id)
        from saga_recovery.saga_node_event event
        join saga_recovery.saga on saga.id = event.saga_id
        join saga_recovery.saga_definition definition on definition.hash = saga.definition_hash
        cross join lateral (
            select value::text::int as node_id from json_array_elements(definition.dag -> 'nodes' -> event.node_id -> 'after')) parent
        where event.event_type = 'started' and not exists (
            select from saga_recovery.saga_node_event
            where saga_id = event.saga_id and node_id = parent.node_id and event_type = 'succeeded')
        """);

    /// <summary>The state of every saga.</summary>
    public async Task<IReadOnlyDictionary<Guid, string>> StatesAsync() =>
        (await QueryAsync<(Guid Saga, string State)>("select id, state from saga_recovery.saga")).ToDictionary(row => row.Saga, row => row.State);

    /// <summary>The names of projects that no saga in the database has made.</summary>
    public async Task<IReadOnlySet<string>> ProjectsWithoutSagaAsync() =>
        (await QueryAsync<string>(
            """
            select name from control_plane.project
            where name not in (select params ->> 'name' from saga_recovery.saga where saga.name = 'project-create')
            """)).ToHashSet();

    /// <summary>The names of projects whose sagas are in progress.</summary>
    public async Task<IReadOnlySet<string>> ProjectsInProgressAsync() =>
        (await QueryAsync<string>(
            "select params ->> 'name' from saga_recovery.saga where name = 'project-create' and state in ('running', 'unwinding')")).ToHashSet();

    /// <summary>Orphaned rows of the control plane.</summary>
    public Task<long> OrphansAsync() => ScalarAsync<long>(
        """
        select (select count(*) from control_plane.vpc where project_id not in (select id from control_plane.project))
            + (select count(*) from control_plane.vpc_router where vpc_id not in (select id from control_plane.vpc))
            + (select count(*) from control_plane.router_route where router_id not in (select id from control_plane.vpc_router))
            + (select count(*) from control_plane.vpc_subnet where vpc_id not in (select id from control_plane.vpc))
            + (select count(*) from control_plane.vpc_firewall_rule where vpc_id not in (select id from control_plane.vpc))
        """);

    private async Task<IEnumerable<T>> QueryAsync<T>(string sql)
    {
        await using NpgsqlConnection connection = Connection();
        return await connection.QueryAsync<T>(sql);
    }

    private async Task<T> ScalarAsync<T>(string sql)
    {
        await using NpgsqlConnection connection = Connection();
        return (await connection.ExecuteScalarAsync<T>(sql))!;
    }

    /// <summary>Not pooled: <see cref="ServiceHasDisconnectedAsync"/> counts the connections of this database.</summary>
    private NpgsqlConnection Connection() => new(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
}
