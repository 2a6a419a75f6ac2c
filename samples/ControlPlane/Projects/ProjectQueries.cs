using System.Data;
using System.Data.Common;
using Dapper;
using Npgsql;

namespace ControlPlane.Projects;

/// <summary>Queries for projects. Clients only see projects that are ready.</summary>
internal static class ProjectQueries
{
    /// <summary>Returns a page of projects, ordered by name.</summary>
    /// <param name="connection">The connection to use.</param>
    /// <param name="after">The last name of the previous page, or empty for the first page.</param>
    /// <param name="limit">The largest number of projects.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    public static async Task<IReadOnlyList<Project>> ListAsync(this NpgsqlConnection connection, string after, int limit, CancellationToken cancellationToken)
    {
        const string Page =
            """
            select id, name, description, time_created as "TimeCreated" from control_plane.project
            where state = 'ready' and name > @after order by name limit @limit
            """;
        return [.. await connection.QueryAsync<Project>(new CommandDefinition(Page, new { after, limit }, cancellationToken: cancellationToken))];
    }

    /// <summary>Returns a ready project with its network, or null if none has this name.</summary>
    public static async Task<ProjectContents?> FindAsync(this NpgsqlConnection connection, string name, CancellationToken cancellationToken)
    {
        const string Find = "select id from control_plane.project where name = @name and state = 'ready'";
        await using NpgsqlTransaction snapshot = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        Guid? id = await connection.QuerySingleOrDefaultAsync<Guid?>(new CommandDefinition(Find, new { name }, snapshot, cancellationToken: cancellationToken));
        return id is { } found ? await connection.ContentsAsync(found, cancellationToken) : null;
    }

    /// <summary>Returns a project with its network, in any state.</summary>
    public static async Task<ProjectContents> ContentsAsync(this DbConnection connection, Guid id, CancellationToken cancellationToken)
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
            from control_plane.vpc_subnet subnet join control_plane.vpc on vpc.id = subnet.vpc_id where vpc.project_id = @id order by subnet.name <> @default, subnet.name;

            select rule.vpc_id as "VpcId", rule.name, rule.priority, rule.action, rule.protocol, rule.ports
            from control_plane.vpc_firewall_rule rule join control_plane.vpc on vpc.id = rule.vpc_id where vpc.project_id = @id order by rule.name;
            """;
        await using SqlMapper.GridReader rows = await connection.QueryMultipleAsync(
            new CommandDefinition(Read, new { id, @default = Subnet.Default }, cancellationToken: cancellationToken));
        return new ProjectContents(
            await rows.ReadSingleAsync<Project>(),
            await rows.ReadSingleAsync<Vpc>(),
            await rows.ReadSingleAsync<Router>(),
            [.. await rows.ReadAsync<Route>()],
            [.. await rows.ReadAsync<Subnet>()],
            [.. await rows.ReadAsync<FirewallRule>()]);
    }
}
