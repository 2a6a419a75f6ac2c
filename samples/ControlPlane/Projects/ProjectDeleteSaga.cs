using ControlPlane.Database;
using Npgsql;
using SagaRecovery;

namespace ControlPlane.Projects;

internal sealed record ProjectDeleteParameters(string Name);

/// <summary>
/// Deletes a project with its network, in the reverse order of its creation. The first node hides the project and outputs its rows. The
/// undos restore the rows from that output, with their original ids.
/// </summary>
internal sealed class ProjectDeleteSaga(ControlPlaneDatabase database) : Saga<ProjectDeleteParameters>
{
    /// <summary>The error code if the project does not exist or another saga is deleting it.</summary>
    public const string NotFound = "not-found";

    public override string Name => "project-delete";

    protected override void Define(SagaBuilder<ProjectDeleteParameters> saga)
    {
        SagaNode<ProjectContents> claim = saga.Node("claim", ClaimAsync, UnclaimAsync);
        SagaNode rules = Deletion("firewall-rules", contents => contents.FirewallRules, ProjectTables.DeleteAsync, ProjectTables.InsertAsync, claim);
        SagaNode subnet = Deletion("subnet", contents => contents.Subnet, ProjectTables.DeleteAsync, ProjectTables.InsertAsync, claim);
        SagaNode routeV4 = Deletion("route-v4", contents => contents.RouteOf(Route.DefaultV4), ProjectTables.DeleteAsync, ProjectTables.InsertAsync, claim);
        SagaNode routeV6 = Deletion("route-v6", contents => contents.RouteOf(Route.DefaultV6), ProjectTables.DeleteAsync, ProjectTables.InsertAsync, claim);
        SagaNode router = Deletion("router", contents => contents.Router, ProjectTables.DeleteAsync, ProjectTables.InsertAsync, routeV4, routeV6);
        SagaNode vpc = Deletion("vpc", contents => contents.Vpc, ProjectTables.DeleteAsync, ProjectTables.InsertAsync, router, subnet, rules);

        // the last node needs no undo, because nothing can fail after it
        saga.Node("project", context => ApplyAsync(context, context.Output(claim).Project.Id, ProjectTables.DeleteProjectAsync), undo: null, vpc);

        SagaNode Deletion<TRow>(
            string name,
            Func<ProjectContents, TRow> part,
            Func<NpgsqlConnection, TRow, CancellationToken, Task<int>> delete,
            Func<NpgsqlConnection, TRow, CancellationToken, Task<int>> insert,
            params IReadOnlyList<SagaNode> after) =>
            saga.Node(
                name,
                context => ApplyAsync(context, part(context.Output(claim)), delete),
                context => ApplyAsync(context, part(context.Output(claim)), insert),
                after);
    }

    private async Task<ProjectContents> ClaimAsync(NodeContext<ProjectDeleteParameters> context)
    {
        CancellationToken cancellationToken = context.CancellationToken;
        return await database.RunAsync(
            async connection => await connection.ClaimForDeletionAsync(context.Parameters.Name, context.SagaId.Value, cancellationToken) is { } id
                ? await connection.ContentsAsync(id, cancellationToken)
                : throw new SagaActionException(NotFound, $"There is no project named '{context.Parameters.Name}'."),
            cancellationToken);
    }

    private Task UnclaimAsync(NodeContext<ProjectDeleteParameters> context, ProjectContents contents) =>
        ApplyAsync(
            context,
            contents.Project.Id,
            (connection, id, cancellationToken) => connection.UnclaimForDeletionAsync(id, context.SagaId.Value, cancellationToken));

    private Task<int> ApplyAsync<TRow>(
        NodeContext<ProjectDeleteParameters> context, TRow row, Func<NpgsqlConnection, TRow, CancellationToken, Task<int>> change) =>
        database.RunAsync(connection => change(connection, row, context.CancellationToken), context.CancellationToken);
}
