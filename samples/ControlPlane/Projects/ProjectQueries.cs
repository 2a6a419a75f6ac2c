using System.Data;
using Dapper;
using Npgsql;

namespace ControlPlane.Projects;

/// <summary>What is read of projects. Clients see those that are ready, and no others.</summary>
internal static class ProjectQueries
{
    /// <summary>A page of projects by name.</summary>
    /// <param name="connection">Where to read.</param>
    /// <param name="after">The name that the page before ended with; empty: the first page.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="token">Gives up.</param>
    public static async Task<IReadOnlyList<Project>> ListAsync(this NpgsqlConnection connection, string after, int limit, CancellationToken token)
    {
        const string Page =
            """
            select id, name, description, time_created as "TimeCreated" from control_plane.project
            where state = 'ready' and name > @after order by name limit @limit
            """;
        return [.. await connection.QueryAsync<Project>(new CommandDefinition(Page, new { after, limit }, cancellationToken: token))];
    }

    /// <summary>A project that clients see, with all that belongs to it; null: there is none.</summary>
    public static async Task<ProjectContents?> FindAsync(this NpgsqlConnection connection, string name, CancellationToken token)
    {
        const string Find = "select id from control_plane.project where name = @name and state = 'ready'";
        await using NpgsqlTransaction snapshot = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, token);
        Guid? id = await connection.QuerySingleOrDefaultAsync<Guid?>(new CommandDefinition(Find, new { name }, snapshot, cancellationToken: token));
        return id is { } found ? await connection.ContentsAsync(found, token) : null;
    }

    /// <summary>A project with all that belongs to it, in whatever state it is.</summary>
    public static async Task<ProjectContents> ContentsAsync(this NpgsqlConnection connection, Guid id, CancellationToken token)
    {
        const string Read =
            """
            select id, name, description, time_created as "TimeCreated" from control_plane.project where id = @id;

            select id, project_id as "ProjectId", name, ipv6_prefix::text as "Ipv6Prefix" from control_plane.vpc where project_id = @id;

            select router.id, router.vpc_id as "VpcId", router.name
            from control_plane.vpc_router router join control_plane.vpc on vpc.id = router.vpc_id where vpc.project_id = @id;

            select route.id, route.router_id as "RouterId", route.name, route.destination::text as "Destination", route.target
            from control_plane.router_route route join control_plane.vpc_router router on router.id = route.router_id
            join control_plane.vpc on vpc.id = router.vpc_id where vpc.project_id = @id order by route.name;

            select subnet.id, subnet.vpc_id as "VpcId", subnet.name, subnet.ipv4_block::text as "Ipv4Block", subnet.ipv6_block::text as "Ipv6Block"
            from control_plane.vpc_subnet subnet join control_plane.vpc on vpc.id = subnet.vpc_id where vpc.project_id = @id;

            select rule.vpc_id as "VpcId", rule.name, rule.priority, rule.action, rule.protocol, rule.ports
            from control_plane.vpc_firewall_rule rule join control_plane.vpc on vpc.id = rule.vpc_id where vpc.project_id = @id order by rule.name;
            """;
        await using SqlMapper.GridReader rows = await connection.QueryMultipleAsync(new CommandDefinition(Read, new { id }, cancellationToken: token));
        return new ProjectContents(
            await rows.ReadSingleAsync<Project>(),
            await rows.ReadSingleAsync<Vpc>(),
            await rows.ReadSingleAsync<Router>(),
            [.. await rows.ReadAsync<Route>()],
            await rows.ReadSingleAsync<Subnet>(),
            [.. await rows.ReadAsync<FirewallRule>()]);
    }
}
