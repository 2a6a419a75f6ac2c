using SagaRecovery;

namespace ControlPlane.Projects;

internal sealed record VpcCreateParameters(Guid ProjectId);

/// <summary>
/// Creates the network of a project, as a subsaga of <see cref="ProjectCreateSaga"/>:
/// <code>
///             ┌─► router ─┬─► route-v4
/// vpc ────────┤           └─► route-v6
///             ├─► subnet
///             └─► firewall-rules
/// </code>
/// </summary>
internal sealed class VpcCreateSaga : Saga<VpcCreateParameters>
{
    /// <summary>The node that outputs the VPC.</summary>
    public const string Vpc = "vpc";

    public override string Name => "vpc-create";

    protected override void Define(SagaBuilder<VpcCreateParameters> saga)
    {
        SagaNode<Vpc> vpc = saga.Row(Vpc, NewVpc, ProjectTables.InsertAsync, ProjectTables.DeleteAsync);
        SagaNode<Router> router = saga.Row("router", context => NewRouter(context, vpc), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, vpc);
        saga.Row("route-v4", context => NewRoute(context, router, Route.DefaultV4, "0.0.0.0/0"), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, router);
        saga.Row("route-v6", context => NewRoute(context, router, Route.DefaultV6, "::/0"), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, router);
        saga.Row("subnet", context => NewSubnet(context, vpc), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, vpc);
        saga.Row("firewall-rules", context => FirewallRule.DefaultsOf(context.Output(vpc).Id), ProjectTables.InsertAsync, ProjectTables.DeleteAsync, vpc);
    }

    private static Vpc NewVpc(NodeContext<VpcCreateParameters> context)
    {
        var id = Guid.NewGuid();
        return new Vpc(id, context.Parameters.ProjectId, "default", UniqueLocal.Prefix(id) + "::/48");
    }

    private static Router NewRouter(NodeContext<VpcCreateParameters> context, SagaNode<Vpc> vpc) =>
        new(Guid.NewGuid(), context.Output(vpc).Id, "system");

    private static Route NewRoute(NodeContext<VpcCreateParameters> context, SagaNode<Router> router, string name, string destination) =>
        new(Guid.NewGuid(), context.Output(router).Id, name, destination, "internet-gateway:default");

    private static Subnet NewSubnet(NodeContext<VpcCreateParameters> context, SagaNode<Vpc> vpc) =>
        new(Guid.NewGuid(), context.Output(vpc).Id, Subnet.Default, "172.30.0.0/22", UniqueLocal.Prefix(context.Output(vpc).Id) + "::/64");
}
