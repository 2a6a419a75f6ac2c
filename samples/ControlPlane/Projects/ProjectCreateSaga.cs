using ControlPlane.Database;
using Npgsql;
using SagaRecovery;

namespace ControlPlane.Projects;

internal sealed record ProjectCreateParameters(string Name, string Description);

/// <summary>
/// Creates a project with its network:
/// <code>
///                     ┌─► router ─┬─► route-v4 ─┐
/// project ─► vpc ─────┤           └─► route-v6 ─┤
///                     ├─► subnet ───────────────┼─► publish
///                     └─► firewall-rules ───────┘
/// </code>
/// Each row's id is the idempotency key of the node that creates it. A repeated action therefore finds its own row, and an undo deletes
/// exactly that row.
/// </summary>
internal sealed class ProjectCreateSaga(ControlPlaneDatabase database) : Saga<ProjectCreateParameters>
{
    /// <summary>The error code if another project has the name.</summary>
    public const string NameTaken = "name-taken";

    public override string Name => "project-create";

    /// <summary>The node that outputs the project as clients see it.</summary>
    public SagaNode<Project> Published { get; private set; } = null!;

    protected override void Define(SagaBuilder<ProjectCreateParameters> saga)
    {
        SagaNode<Guid> project = saga.Node("project", ClaimNameAsync, UnclaimNameAsync);
        SagaNode<Vpc> vpc = Row(saga, "vpc", context => NewVpc(context, project), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, project);
        SagaNode<Router> router = Row(saga, "router", context => NewRouter(context, vpc), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, vpc);
        SagaNode routeV4 = Row(
            saga, "route-v4", context => NewRoute(context, router, Route.DefaultV4, "0.0.0.0/0"), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, router);
        SagaNode routeV6 = Row(
            saga, "route-v6", context => NewRoute(context, router, Route.DefaultV6, "::/0"), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, router);
        SagaNode subnet = Row(saga, "subnet", context => NewSubnet(context, vpc), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, vpc);
        SagaNode rules = Row(
            saga, "firewall-rules", context => FirewallRule.DefaultsOf(context.Output(vpc).Id), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, vpc);

        // the last node needs no undo, because nothing can fail after it
        Published = saga.Node("publish", PublishAsync, undo: null, routeV4, routeV6, subnet, rules);

        Task<Project> PublishAsync(NodeContext<ProjectCreateParameters> context) => database.RunAsync(
            connection => connection.PublishAsync(context.Output(project), context.CancellationToken), context.CancellationToken);
    }

    private async Task<Guid> ClaimNameAsync(NodeContext<ProjectCreateParameters> context)
    {
        (string name, string description) = context.Parameters;
        bool claimed = await database.RunAsync(
            connection => connection.ClaimNameAsync(context.IdempotencyKey, name, description, context.CancellationToken), context.CancellationToken);
        return claimed ? context.IdempotencyKey : throw new SagaActionException(NameTaken, $"A project named '{name}' already exists.");
    }

    private Task UnclaimNameAsync(NodeContext<ProjectCreateParameters> context, Guid project) => database.RunAsync(
        connection => connection.DeleteProjectAsync(project, context.CancellationToken), context.CancellationToken);

    /// <summary>Adds a node that inserts and outputs a row (or rows), and whose undo deletes it.</summary>
    private SagaNode<TRow> Row<TRow>(
        SagaBuilder<ProjectCreateParameters> saga,
        string name,
        Func<NodeContext<ProjectCreateParameters>, TRow> newRow,
        Func<NpgsqlConnection, TRow, CancellationToken, Task<int>> insert,
        Func<NpgsqlConnection, TRow, CancellationToken, Task<int>> delete,
        SagaNode after)
    {
        return saga.Node(name, InsertAsync, DeleteAsync, after);

        async Task<TRow> InsertAsync(NodeContext<ProjectCreateParameters> context)
        {
            TRow row = newRow(context);
            await database.RunAsync(connection => insert(connection, row, context.CancellationToken), context.CancellationToken);
            return row;
        }

        Task DeleteAsync(NodeContext<ProjectCreateParameters> context, TRow row) =>
            database.RunAsync(connection => delete(connection, row, context.CancellationToken), context.CancellationToken);
    }

    private static Vpc NewVpc(NodeContext<ProjectCreateParameters> context, SagaNode<Guid> project) =>
        new(context.IdempotencyKey, context.Output(project), "default", UniqueLocal.Prefix(context.IdempotencyKey) + "::/48");

    private static Router NewRouter(NodeContext<ProjectCreateParameters> context, SagaNode<Vpc> vpc) =>
        new(context.IdempotencyKey, context.Output(vpc).Id, "system");

    private static Route NewRoute(NodeContext<ProjectCreateParameters> context, SagaNode<Router> router, string name, string destination) =>
        new(context.IdempotencyKey, context.Output(router).Id, name, destination, "internet-gateway:default");

    private static Subnet NewSubnet(NodeContext<ProjectCreateParameters> context, SagaNode<Vpc> vpc) =>
        new(context.IdempotencyKey, context.Output(vpc).Id, "default", "172.30.0.0/22", UniqueLocal.Prefix(context.Output(vpc).Id) + "::/64");
}
