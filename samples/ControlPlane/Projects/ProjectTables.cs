using Dapper;
using Npgsql;

namespace ControlPlane.Projects;

/// <summary>
/// Writes to the tables of projects. Every insert and delete can be repeated: ids are chosen beforehand, so that an insert finds its own
/// row and a delete never removes another row.
/// </summary>
internal static class ProjectTables
{
    /// <summary>Claims the name unless another project has it.</summary>
    /// <returns>True if the name belongs to this project.</returns>
    public static async Task<bool> ClaimNameAsync(
        this NpgsqlConnection connection, Guid id, string name, string description, CancellationToken cancellationToken)
    {
        const string Insert =
            """
            insert into control_plane.project (id, name, description, state)
            values (@id, @name, @description, 'creating')
            on conflict do nothing
            """;
        await connection.ExecuteAsync(Sql(Insert, new { id, name, description }, cancellationToken));
        return await connection.ExecuteScalarAsync<bool>(
            Sql("select exists (select from control_plane.project where id = @id)", new { id }, cancellationToken));
    }

    public static Task<int> DeleteProjectAsync(this NpgsqlConnection connection, Guid id, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql("delete from control_plane.project where id = @id", new { id }, cancellationToken));

    /// <summary>Makes a project visible to clients.</summary>
    public static Task<Project> PublishAsync(this NpgsqlConnection connection, Guid id, CancellationToken cancellationToken) =>
        connection.QuerySingleAsync<Project>(Sql(
            """
            update control_plane.project set state = 'ready' where id = @id
            returning id, name, description, time_created as "TimeCreated"
            """,
            new { id },
            cancellationToken));

    /// <summary>Hides a project from clients and reserves it for deletion by one saga.</summary>
    /// <returns>The id, or null if this saga may delete no project of this name.</returns>
    public static Task<Guid?> ClaimForDeletionAsync(this NpgsqlConnection connection, string name, Guid sagaId, CancellationToken cancellationToken) =>
        connection.QuerySingleOrDefaultAsync<Guid?>(Sql(
            """
            update control_plane.project set state = 'deleting', deleting_saga = @sagaId
            where name = @name and (state = 'ready' or deleting_saga = @sagaId)
            returning id
            """,
            new { name, sagaId },
            cancellationToken));

    /// <summary>Reverts <see cref="ClaimForDeletionAsync"/>.</summary>
    public static Task<int> UnclaimForDeletionAsync(this NpgsqlConnection connection, Guid id, Guid sagaId, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql(
            "update control_plane.project set state = 'ready', deleting_saga = null where id = @id and deleting_saga = @sagaId",
            new { id, sagaId },
            cancellationToken));

    public static Task<int> InsertAsync(this NpgsqlConnection connection, Vpc vpc, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql(
            """
            insert into control_plane.vpc (id, project_id, name, ipv6_prefix)
            values (@Id, @ProjectId, @Name, @Ipv6Prefix::cidr)
            on conflict (id) do nothing
            """,
            vpc,
            cancellationToken));

    public static Task<int> DeleteAsync(this NpgsqlConnection connection, Vpc vpc, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql("delete from control_plane.vpc where id = @Id", vpc, cancellationToken));

    public static Task<int> InsertAsync(this NpgsqlConnection connection, Router router, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql(
            "insert into control_plane.vpc_router (id, vpc_id, name) values (@Id, @VpcId, @Name) on conflict (id) do nothing", router, cancellationToken));

    public static Task<int> DeleteAsync(this NpgsqlConnection connection, Router router, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql("delete from control_plane.vpc_router where id = @Id", router, cancellationToken));

    public static Task<int> InsertAsync(this NpgsqlConnection connection, Route route, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql(
            """
            insert into control_plane.router_route (id, router_id, name, destination, target)
            values (@Id, @RouterId, @Name, @Destination::cidr, @Target)
            on conflict (id) do nothing
            """,
            route,
            cancellationToken));

    public static Task<int> DeleteAsync(this NpgsqlConnection connection, Route route, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql("delete from control_plane.router_route where id = @Id", route, cancellationToken));

    public static Task<int> InsertAsync(this NpgsqlConnection connection, Subnet subnet, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql(
            """
            insert into control_plane.vpc_subnet (id, vpc_id, name, ipv4_block, ipv6_block)
            values (@Id, @VpcId, @Name, @Ipv4Block::cidr, @Ipv6Block::cidr)
            on conflict (id) do nothing
            """,
            subnet,
            cancellationToken));

    public static Task<int> DeleteAsync(this NpgsqlConnection connection, Subnet subnet, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql("delete from control_plane.vpc_subnet where id = @Id", subnet, cancellationToken));

    public static Task<int> InsertAsync(this NpgsqlConnection connection, IReadOnlyList<FirewallRule> rules, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql(
            """
            insert into control_plane.vpc_firewall_rule (vpc_id, name, priority, action, protocol, ports)
            values (@VpcId, @Name, @Priority, @Action, @Protocol, @Ports)
            on conflict (vpc_id, name) do nothing
            """,
            rules,
            cancellationToken));

    public static Task<int> DeleteAsync(this NpgsqlConnection connection, IReadOnlyList<FirewallRule> rules, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(Sql("delete from control_plane.vpc_firewall_rule where vpc_id = @VpcId and name = @Name", rules, cancellationToken));

    private static CommandDefinition Sql(string text, object parameters, CancellationToken cancellationToken) =>
        new(text, parameters, cancellationToken: cancellationToken);
}
