using ControlPlane.Database;
using Npgsql;
using SagaRecovery.Executor;

namespace ControlPlane.Projects;

internal sealed record ProjectCreateParameters(string Name, string Description);

/// <summary>
/// Makes a project with its network:
/// <code>
///                     ┌─► router ─┬─► route-v4 ─┐
/// project ─► vpc ─────┤           └─► route-v6 ─┤
///                     ├─► subnet ───────────────┼─► publish
///                     └─► firewall-rules ───────┘
/// </code>
/// Each row's id is the idempotency key of the node that makes it: an action that is run again finds the row it had made, and an undo
/// deletes that row and no other.
/// </summary>
internal sealed class ProjectCreateSaga(ControlPlaneDatabase database) : Saga<ProjectCreateParameters>
{
    /// <summary>The code of the failure when another project has the name.</summary>
    public const string NameTaken = "name-taken";

    public override string Name => "project-create";

    /// <summary>Returns the project as clients see it.</summary>
    public SagaNode<Project> Published { get; private set; } = null!;

    protected override void Define(SagaBuilder<ProjectCreateParameters> saga)
    {
        SagaNode<Guid> project = saga.Node("project", ClaimNameAsync, UnclaimNameAsync);
        SagaNode<Vpc> vpc = saga.Node("vpc", context => Make(context, NewVpc(context, project), ProjectTables.InsertAsync),
            (context, made) => Remove(context, made, ProjectTables.DeleteAsync), project);
        SagaNode<Router> router = saga.Node("router", context => Make(context, new Router(context.IdempotencyKey, context.Output(vpc).Id, "system"), ProjectTables.InsertAsync),
            (context, made) => Remove(context, made, ProjectTables.DeleteAsync), vpc);
        SagaNode<Route> routeV4 = saga.Node("route-v4", context => Make(context, DefaultRoute(context, router, "default-v4", "0.0.0.0/0"), ProjectTables.InsertAsync),
            (context, made) => Remove(context, made, ProjectTables.DeleteAsync), router);
        SagaNode<Route> routeV6 = saga.Node("route-v6", context => Make(context, DefaultRoute(context, router, "default-v6", "::/0"), ProjectTables.InsertAsync),
            (context, made) => Remove(context, made, ProjectTables.DeleteAsync), router);
        SagaNode<Subnet> subnet = saga.Node("subnet", context => Make(context, DefaultSubnet(context, vpc), ProjectTables.InsertAsync),
            (context, made) => Remove(context, made, ProjectTables.DeleteAsync), vpc);
        SagaNode<IReadOnlyList<FirewallRule>> rules = saga.Node("firewall-rules", context => Make(context, FirewallRule.DefaultsOf(context.Output(vpc).Id), ProjectTables.InsertAsync),
            (context, made) => Remove(context, made, ProjectTables.DeleteAsync), vpc);

        // the last node: nothing can fail after it, so that there is nothing to take back
        Published = saga.Node("publish", context => database.UntilAnsweredAsync(
            connection => connection.PublishAsync(context.Output(project), context.CancellationToken), context.CancellationToken),
            undo: null, routeV4, routeV6, subnet, rules);
    }

    private async Task<Guid> ClaimNameAsync(NodeContext<ProjectCreateParameters> context)
    {
        (string name, string description) = context.Parameters;
        bool claimed = await database.UntilAnsweredAsync(
            connection => connection.ClaimNameAsync(context.IdempotencyKey, name, description, context.CancellationToken), context.CancellationToken);
        return claimed ? context.IdempotencyKey : throw new SagaActionException(NameTaken, $"There is a project named '{name}'.");
    }

    private Task UnclaimNameAsync(NodeContext<ProjectCreateParameters> context, Guid project) =>
        Remove(context, project, ProjectTables.DeleteProjectAsync);

    private async Task<TRow> Make<TRow>(
        NodeContext<ProjectCreateParameters> context, TRow row, Func<NpgsqlConnection, TRow, CancellationToken, Task<int>> insert)
    {
        await database.UntilAnsweredAsync(connection => insert(connection, row, context.CancellationToken), context.CancellationToken);
        return row;
    }

    private Task Remove<TRow>(
        NodeContext<ProjectCreateParameters> context, TRow row, Func<NpgsqlConnection, TRow, CancellationToken, Task<int>> delete) =>
        database.UntilAnsweredAsync(connection => delete(connection, row, context.CancellationToken), context.CancellationToken);

    private static Vpc NewVpc(NodeContext<ProjectCreateParameters> context, SagaNode<Guid> project) =>
        new(context.IdempotencyKey, context.Output(project), "default", UniqueLocal.Prefix(context.IdempotencyKey) + "::/48");

    private static Subnet DefaultSubnet(NodeContext<ProjectCreateParameters> context, SagaNode<Vpc> vpc) =>
        new(context.IdempotencyKey, context.Output(vpc).Id, "default", "172.30.0.0/22", UniqueLocal.Prefix(context.Output(vpc).Id) + "::/64");

    private static Route DefaultRoute(NodeContext<ProjectCreateParameters> context, SagaNode<Router> router, string name, string destination) =>
        new(context.IdempotencyKey, context.Output(router).Id, name, destination, "internet-gateway:default");
}
