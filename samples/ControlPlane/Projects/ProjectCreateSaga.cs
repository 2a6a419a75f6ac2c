using System.Data.Common;
using SagaRecovery;

namespace ControlPlane.Projects;

/// <param name="Name">The name of the project.</param>
/// <param name="Description">The description of the project.</param>
/// <param name="Zones">The zones that get a subnet each, besides the default one. A node is made for each.</param>
internal sealed record ProjectCreateParameters(string Name, string Description, IReadOnlyList<string> Zones);

/// <summary>
/// Creates a project with its network: <c>project ─► network ─► a subnet for each zone ─► publish</c>. The network is a subsaga
/// (<see cref="VpcCreateSaga"/>), and the number of nodes depends on the parameters. All nodes are transactional: each row is made exactly once,
/// and an undo deletes exactly that row.
/// </summary>
internal sealed class ProjectCreateSaga(VpcCreateSaga vpc) : DynamicSaga<ProjectCreateParameters>
{
    /// <summary>The error code if another project has the name.</summary>
    public const string NameTaken = "name-taken";

    /// <summary>The node that outputs the project as clients see it.</summary>
    public const string Publish = "publish";

    public override string Name => "project-create";

    protected override void Define(SagaBuilder<ProjectCreateParameters> saga, ProjectCreateParameters parameters)
    {
        SagaNode<Guid> project = saga.TransactionalNode("project", ClaimNameAsync, UnclaimNameAsync);
        Subsaga network = saga.Subsaga("network", vpc, context => new VpcCreateParameters(context.Output(project)), after: project);

        SagaNode<Vpc> vpcOfProject = network.Node<Vpc>(VpcCreateSaga.Vpc);
        SagaNode[] subnets =
        [
            .. parameters.Zones.Select((zone, index) => saga.Row(
                $"subnet-{zone}", context => NewSubnet(context.Output(vpcOfProject), zone, index + 1), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, network)),
        ];

        // the last node needs no undo, because nothing can fail after it
        saga.TransactionalNode(
            Publish,
            (context, transaction) => transaction.PublishAsync(context.Output(project), context.CancellationToken),
            undo: null,
            after: [network, .. subnets]);
    }

    private static Subnet NewSubnet(Vpc vpc, string zone, int number) =>
        new(Guid.NewGuid(), vpc.Id, zone, $"172.30.{number * 4}.0/22", $"{UniqueLocal.Prefix(vpc.Id)}:{number:x}::/64");

    private static async Task<Guid> ClaimNameAsync(NodeContext<ProjectCreateParameters> context, DbTransaction transaction)
    {
        (string name, string description, IReadOnlyList<string> zones) = context.Parameters;
        var id = Guid.NewGuid();
        return await transaction.ClaimNameAsync(id, name, description, zones.Count, context.CancellationToken)
            ? id
            : throw new SagaActionException(NameTaken, $"A project named '{name}' already exists.");
    }

    private static Task UnclaimNameAsync(NodeContext<ProjectCreateParameters> context, DbTransaction transaction, Guid project) =>
        transaction.DeleteProjectAsync(project, context.CancellationToken);
}
