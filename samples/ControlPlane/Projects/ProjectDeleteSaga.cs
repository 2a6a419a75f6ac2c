using System.Data.Common;
using SagaRecovery;

namespace ControlPlane.Projects;

internal sealed record ProjectDeleteParameters(string Name);

/// <summary>
/// Deletes a project with its network, in the reverse order of its creation. The first node hides the project and outputs its rows. The
/// undos restore the rows from that output, with their original ids.
/// </summary>
internal sealed class ProjectDeleteSaga : Saga<ProjectDeleteParameters>
{
    /// <summary>The error code if the project does not exist or another saga is deleting it.</summary>
    public const string NotFound = "not-found";

    public override string Name => "project-delete";

    protected override void Define(SagaBuilder<ProjectDeleteParameters> saga)
    {
        SagaNode<ProjectContents> claim = saga.TransactionalNode("claim", ClaimAsync, UnclaimAsync);
        SagaNode rules = Deletion("firewall-rules", contents => contents.FirewallRules, ProjectTables.DeleteAsync, ProjectTables.InsertAsync, claim);
        SagaNode subnets = Deletion("subnets", contents => contents.Subnets, ProjectTables.DeleteAsync, ProjectTables.InsertAsync, claim);
        SagaNode routeV4 = Deletion("route-v4", contents => contents.RouteOf(Route.DefaultV4), ProjectTables.DeleteAsync, ProjectTables.InsertAsync, claim);
        SagaNode routeV6 = Deletion("route-v6", contents => contents.RouteOf(Route.DefaultV6), ProjectTables.DeleteAsync, ProjectTables.InsertAsync, claim);
        SagaNode router = Deletion("router", contents => contents.Router, ProjectTables.DeleteAsync, ProjectTables.InsertAsync, routeV4, routeV6);
        SagaNode vpc = Deletion("vpc", contents => contents.Vpc, ProjectTables.DeleteAsync, ProjectTables.InsertAsync, router, subnets, rules);

        // the last node needs no undo, because nothing can fail after it
        saga.TransactionalNode(
            "project",
            (context, transaction) => transaction.DeleteProjectAsync(context.Output(claim).Project.Id, context.CancellationToken),
            undo: null,
            vpc);

        SagaNode Deletion<TRow>(
            string name,
            Func<ProjectContents, TRow> part,
            Func<DbTransaction, TRow, CancellationToken, Task<int>> delete,
            Func<DbTransaction, TRow, CancellationToken, Task<int>> insert,
            params IReadOnlyList<SagaNode> after) =>
            saga.TransactionalNode(
                name,
                (context, transaction) => delete(transaction, part(context.Output(claim)), context.CancellationToken),
                (context, transaction) => insert(transaction, part(context.Output(claim)), context.CancellationToken),
                after);
    }

    private static async Task<ProjectContents> ClaimAsync(NodeContext<ProjectDeleteParameters> context, DbTransaction transaction)
    {
        string name = context.Parameters.Name;
        return await transaction.ClaimForDeletionAsync(name, context.SagaId.Value, context.CancellationToken) is { } id
            ? await transaction.Connection!.ContentsAsync(id, context.CancellationToken)
            : throw new SagaActionException(NotFound, $"There is no project named '{name}'.");
    }

    private static Task UnclaimAsync(NodeContext<ProjectDeleteParameters> context, DbTransaction transaction, ProjectContents contents) =>
        transaction.UnclaimForDeletionAsync(contents.Project.Id, context.SagaId.Value, context.CancellationToken);
}
