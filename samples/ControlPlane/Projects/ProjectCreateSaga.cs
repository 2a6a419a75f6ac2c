using ControlPlane.Database;
using SagaRecovery;

namespace ControlPlane.Projects;

internal sealed record ProjectCreateParameters(string Name, string Description);

/// <summary>
/// Creates a project with its network: <c>project ─► network ─► publish</c>. The network is a subsaga (<see cref="VpcCreateSaga"/>). Each row's id
/// is the idempotency key of the node that creates it. A repeated action therefore finds its own row, and an undo deletes exactly that row.
/// </summary>
internal sealed class ProjectCreateSaga(ControlPlaneDatabase database, VpcCreateSaga vpc) : Saga<ProjectCreateParameters>
{
    /// <summary>The error code if another project has the name.</summary>
    public const string NameTaken = "name-taken";

    public override string Name => "project-create";

    /// <summary>The node that outputs the project as clients see it.</summary>
    public SagaNode<Project> Published { get; private set; } = null!;

    protected override void Define(SagaBuilder<ProjectCreateParameters> saga)
    {
        SagaNode<Guid> project = saga.Node("project", ClaimNameAsync, UnclaimNameAsync);
        Subsaga network = saga.Subsaga("network", vpc, context => new VpcCreateParameters(context.Output(project)), after: project);

        // the last node needs no undo, because nothing can fail after it
        Published = saga.Node("publish", PublishAsync, undo: null, after: network);

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
}
