using System.Data.Common;
using SagaRecovery;

namespace ControlPlane.Projects;

internal sealed record ProjectCreateParameters(string Name, string Description);

/// <summary>
/// Creates a project with its network: <c>project ─► network ─► publish</c>. The network is a subsaga (<see cref="VpcCreateSaga"/>). All nodes are
/// transactional: each row is made exactly once, whatever crashes, and an undo deletes exactly that row.
/// </summary>
internal sealed class ProjectCreateSaga(VpcCreateSaga vpc) : Saga<ProjectCreateParameters>
{
    /// <summary>The error code if another project has the name.</summary>
    public const string NameTaken = "name-taken";

    public override string Name => "project-create";

    /// <summary>The node that outputs the project as clients see it.</summary>
    public SagaNode<Project> Published { get; private set; } = null!;

    protected override void Define(SagaBuilder<ProjectCreateParameters> saga)
    {
        SagaNode<Guid> project = saga.TransactionalNode("project", ClaimNameAsync, UnclaimNameAsync);
        Subsaga network = saga.Subsaga("network", vpc, context => new VpcCreateParameters(context.Output(project)), after: project);

        // the last node needs no undo, because nothing can fail after it
        Published = saga.TransactionalNode(
            "publish",
            (context, transaction) => transaction.PublishAsync(context.Output(project), context.CancellationToken),
            undo: null,
            after: network);
    }

    private static async Task<Guid> ClaimNameAsync(NodeContext<ProjectCreateParameters> context, DbTransaction transaction)
    {
        (string name, string description) = context.Parameters;
        var id = Guid.NewGuid();
        return await transaction.ClaimNameAsync(id, name, description, context.CancellationToken)
            ? id
            : throw new SagaActionException(NameTaken, $"A project named '{name}' already exists.");
    }

    private static Task UnclaimNameAsync(NodeContext<ProjectCreateParameters> context, DbTransaction transaction, Guid project) =>
        transaction.DeleteProjectAsync(project, context.CancellationToken);
}
