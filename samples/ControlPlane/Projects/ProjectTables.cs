using System.Data.Common;
using Dapper;

namespace ControlPlane.Projects;

/// <summary>
/// Writes to the tables of projects, in the transactions of nodes. No insert looks for its own row, since a transaction that is committed is not repeated.
/// </summary>
internal static class ProjectTables
{
    private const string InsertSubnet =
        """
        insert into control_plane.vpc_subnet (id, vpc_id, name, ipv4_block, ipv6_block)
        values (@Id, @VpcId, @Name, @Ipv4Block::cidr, @Ipv6Block::cidr)
        """;

    private const string DeleteSubnet = "delete from control_plane.vpc_subnet where id = @Id";

    /// <summary>Claims the name unless another project has it.</summary>
    /// <returns>True if the name belongs to this project.</returns>
    public static async Task<bool> ClaimNameAsync(
        this DbTransaction transaction, Guid id, string name, string description, int zones, CancellationToken cancellationToken)
    {
        const string Insert =
            """
            insert into control_plane.project (id, name, description, zones, state)
            values (@id, @name, @description, @zones, 'creating')
            on conflict (name) do nothing
            """;
        return await transaction.ExecuteAsync(Insert, new { id, name, description, zones }, cancellationToken) == 1;
    }

    public static Task<int> DeleteProjectAsync(this DbTransaction transaction, Guid id, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync("delete from control_plane.project where id = @id", new { id }, cancellationToken);

    /// <summary>Makes a project visible to clients.</summary>
    public static Task<Project> PublishAsync(this DbTransaction transaction, Guid id, CancellationToken cancellationToken) =>
        transaction.Connection!.QuerySingleAsync<Project>(transaction.Sql(
            """
            update control_plane.project set state = 'ready' where id = @id
            returning id, name, description, time_created as "TimeCreated"
            """,
            new { id },
            cancellationToken));

    /// <summary>Hides a project from clients and reserves it for deletion by one saga.</summary>
    /// <returns>The id, or null if this saga may delete no project of this name.</returns>
    public static Task<Guid?> ClaimForDeletionAsync(this DbTransaction transaction, string name, Guid sagaId, CancellationToken cancellationToken) =>
        transaction.Connection!.QuerySingleOrDefaultAsync<Guid?>(transaction.Sql(
            """
            update control_plane.project set state = 'deleting', deleting_saga = @sagaId
            where name = @name and (state = 'ready' or deleting_saga = @sagaId)
            returning id
            """,
            new { name, sagaId },
            cancellationToken));

    /// <summary>Reverts <see cref="ClaimForDeletionAsync"/>.</summary>
    public static Task<int> UnclaimForDeletionAsync(this DbTransaction transaction, Guid id, Guid sagaId, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync(
            "update control_plane.project set state = 'ready', deleting_saga = null where id = @id and deleting_saga = @sagaId",
            new { id, sagaId },
            cancellationToken);

    public static Task<int> InsertAsync(this DbTransaction transaction, Vpc vpc, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync(
            """
            insert into control_plane.vpc (id, project_id, name, ipv6_prefix)
            values (@Id, @ProjectId, @Name, @Ipv6Prefix::cidr)
            """,
            vpc,
            cancellationToken);

    public static Task<int> DeleteAsync(this DbTransaction transaction, Vpc vpc, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync("delete from control_plane.vpc where id = @Id", vpc, cancellationToken);

    public static Task<int> InsertAsync(this DbTransaction transaction, Router router, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync(
            "insert into control_plane.vpc_router (id, vpc_id, name) values (@Id, @VpcId, @Name)", router, cancellationToken);

    public static Task<int> DeleteAsync(this DbTransaction transaction, Router router, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync("delete from control_plane.vpc_router where id = @Id", router, cancellationToken);

    public static Task<int> InsertAsync(this DbTransaction transaction, Route route, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync(
            """
            insert into control_plane.router_route (id, router_id, name, destination, target)
            values (@Id, @RouterId, @Name, @Destination::cidr, @Target)
            """,
            route,
            cancellationToken);

    public static Task<int> DeleteAsync(this DbTransaction transaction, Route route, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync("delete from control_plane.router_route where id = @Id", route, cancellationToken);

    public static Task<int> InsertAsync(this DbTransaction transaction, Subnet subnet, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync(InsertSubnet, subnet, cancellationToken);

    public static Task<int> DeleteAsync(this DbTransaction transaction, Subnet subnet, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync(DeleteSubnet, subnet, cancellationToken);

    public static Task<int> InsertAsync(this DbTransaction transaction, IReadOnlyList<Subnet> subnets, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync(InsertSubnet, subnets, cancellationToken);

    public static Task<int> DeleteAsync(this DbTransaction transaction, IReadOnlyList<Subnet> subnets, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync(DeleteSubnet, subnets, cancellationToken);

    public static Task<int> InsertAsync(this DbTransaction transaction, IReadOnlyList<FirewallRule> rules, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync(
            """
            insert into control_plane.vpc_firewall_rule (vpc_id, name, priority, action, protocol, ports)
            values (@VpcId, @Name, @Priority, @Action, @Protocol, @Ports)
            """,
            rules,
            cancellationToken);

    public static Task<int> DeleteAsync(this DbTransaction transaction, IReadOnlyList<FirewallRule> rules, CancellationToken cancellationToken) =>
        transaction.ExecuteAsync("delete from control_plane.vpc_firewall_rule where vpc_id = @VpcId and name = @Name", rules, cancellationToken);

    private static Task<int> ExecuteAsync(this DbTransaction transaction, string text, object parameters, CancellationToken cancellationToken) =>
        transaction.Connection!.ExecuteAsync(transaction.Sql(text, parameters, cancellationToken));

    private static CommandDefinition Sql(this DbTransaction transaction, string text, object parameters, CancellationToken cancellationToken) =>
        new(text, parameters, transaction, cancellationToken: cancellationToken);
}
