using Dapper;
using Npgsql;

namespace ControlPlane.Projects;

/// <summary>
/// The tables of projects. Every insert and delete may be repeated: rows have ids that were chosen before, so that an insert finds its
/// own row, and a delete never takes another's.
/// </summary>
internal static class ProjectTables
{
    /// <summary>Takes the name, unless another project has it.</summary>
    /// <returns>Whether the name is this project's.</returns>
    public static async Task<bool> ClaimNameAsync(this NpgsqlConnection connection, Guid id, string name, string description, CancellationToken token)
    {
        const string Insert =
            """
            insert into control_plane.project (id, name, description, state)
            values (@id, @name, @description, 'creating')
            on conflict do nothing
            """;
        await connection.ExecuteAsync(Sql(Insert, new { id, name, description }, token));
        return await connection.ExecuteScalarAsync<bool>(
            Sql("select exists (select from control_plane.project where id = @id)", new { id }, token));
    }

    public static Task<int> DeleteProjectAsync(this NpgsqlConnection connection, Guid id, CancellationToken token) =>
        connection.ExecuteAsync(Sql("delete from control_plane.project where id = @id", new { id }, token));

    /// <summary>From now on clients see it.</summary>
    public static Task<Project> PublishAsync(this NpgsqlConnection connection, Guid id, CancellationToken token) =>
        connection.QuerySingleAsync<Project>(Sql(
            """
            update control_plane.project set state = 'ready' where id = @id
            returning id, name, description, time_created as "TimeCreated"
            """,
            new { id },
            token));

    /// <summary>Hides a project from clients, and keeps it for one saga to delete.</summary>
    /// <returns>Its id; null: there is none of this name that this saga may delete.</returns>
    public static Task<Guid?> ClaimForDeletionAsync(this NpgsqlConnection connection, string name, Guid sagaId, CancellationToken token) =>
        connection.QuerySingleOrDefaultAsync<Guid?>(Sql(
            """
            update control_plane.project set state = 'deleting', deleting_saga = @sagaId
            where name = @name and (state = 'ready' or deleting_saga = @sagaId)
            returning id
            """,
            new { name, sagaId },
            token));

    /// <summary>Takes <see cref="ClaimForDeletionAsync"/> back.</summary>
    public static Task<int> UnclaimForDeletionAsync(this NpgsqlConnection connection, Guid id, Guid sagaId, CancellationToken token) =>
        connection.ExecuteAsync(Sql(
            "update control_plane.project set state = 'ready', deleting_saga = null where id = @id and deleting_saga = @sagaId",
            new { id, sagaId },
            token));

    public static Task<int> InsertAsync(this NpgsqlConnection connection, Vpc vpc, CancellationToken token) =>
        connection.ExecuteAsync(Sql(
            """
            insert into control_plane.vpc (id, project_id, name, ipv6_prefix)
            values (@Id, @ProjectId, @Name, @Ipv6Prefix::cidr)
            on conflict (id) do nothing
            """,
            vpc,
            token));

    public static Task<int> DeleteAsync(this NpgsqlConnection connection, Vpc vpc, CancellationToken token) =>
        connection.ExecuteAsync(Sql("delete from control_plane.vpc where id = @Id", vpc, token));

    public static Task<int> InsertAsync(this NpgsqlConnection connection, Router router, CancellationToken token) =>
        connection.ExecuteAsync(Sql(
            "insert into control_plane.vpc_router (id, vpc_id, name) values (@Id, @VpcId, @Name) on conflict (id) do nothing", router, token));

    public static Task<int> DeleteAsync(this NpgsqlConnection connection, Router router, CancellationToken token) =>
        connection.ExecuteAsync(Sql("delete from control_plane.vpc_router where id = @Id", router, token));

    public static Task<int> InsertAsync(this NpgsqlConnection connection, Route route, CancellationToken token) =>
        connection.ExecuteAsync(Sql(
            """
            insert into control_plane.router_route (id, router_id, name, destination, target)
            values (@Id, @RouterId, @Name, @Destination::cidr, @Target)
            on conflict (id) do nothing
            """,
            route,
            token));

    public static Task<int> DeleteAsync(this NpgsqlConnection connection, Route route, CancellationToken token) =>
        connection.ExecuteAsync(Sql("delete from control_plane.router_route where id = @Id", route, token));

    public static Task<int> InsertAsync(this NpgsqlConnection connection, Subnet subnet, CancellationToken token) =>
        connection.ExecuteAsync(Sql(
            """
            insert into control_plane.vpc_subnet (id, vpc_id, name, ipv4_block, ipv6_block)
            values (@Id, @VpcId, @Name, @Ipv4Block::cidr, @Ipv6Block::cidr)
            on conflict (id) do nothing
            """,
            subnet,
            token));

    public static Task<int> DeleteAsync(this NpgsqlConnection connection, Subnet subnet, CancellationToken token) =>
        connection.ExecuteAsync(Sql("delete from control_plane.vpc_subnet where id = @Id", subnet, token));

    public static Task<int> InsertAsync(this NpgsqlConnection connection, IReadOnlyList<FirewallRule> rules, CancellationToken token) =>
        connection.ExecuteAsync(Sql(
            """
            insert into control_plane.vpc_firewall_rule (vpc_id, name, priority, action, protocol, ports)
            values (@VpcId, @Name, @Priority, @Action, @Protocol, @Ports)
            on conflict (vpc_id, name) do nothing
            """,
            rules,
            token));

    public static Task<int> DeleteAsync(this NpgsqlConnection connection, IReadOnlyList<FirewallRule> rules, CancellationToken token) =>
        connection.ExecuteAsync(Sql("delete from control_plane.vpc_firewall_rule where vpc_id = @VpcId and name = @Name", rules, token));

    private static CommandDefinition Sql(string text, object parameters, CancellationToken token) => new(text, parameters, cancellationToken: token);
}
