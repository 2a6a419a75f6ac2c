using System.Text;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Data;

/// <summary>
/// The log of the sample's <c>project-create</c> saga: eight nodes, of which three, then two run in parallel. Each step is
/// one write.
/// </summary>
internal static class ProjectLog
{
    private const int Project = 0;
    private const int Vpc = 1;
    private const int Router = 2;
    private const int RouteV4 = 3;
    private const int RouteV6 = 4;
    private const int Subnet = 5;
    private const int FirewallRules = 6;
    private const int Publish = 7;

    private static readonly byte[] Output = Encoding.UTF8.GetBytes($"\"{ChainSaga.Output}\"");

    public static SavedDefinition Definition { get; } = Define();

    /// <summary>In the order in which they are written; the last ends the saga.</summary>
    public static IReadOnlyList<(SavedNodeEvent[] Events, SagaState? NewState)> Steps { get; } =
    [
        ([Started(Project)], null),
        ([Succeeded(Project), Started(Vpc)], null),
        ([Succeeded(Vpc), Started(Router), Started(Subnet), Started(FirewallRules)], null),
        ([Succeeded(Subnet)], null),
        ([Succeeded(FirewallRules)], null),
        ([Succeeded(Router), Started(RouteV4), Started(RouteV6)], null),
        ([Succeeded(RouteV4)], null),
        ([Succeeded(RouteV6), Started(Publish)], null),
        ([Succeeded(Publish)], SagaState.Succeeded),
    ];

    public static byte[] Parameters { get; } = """{"name":"a-project","description":""}"""u8.ToArray();

    public static SavedNodeEvent Started(int node) => new(node, NodeEventType.Started, Data: default);

    public static SavedNodeEvent Succeeded(int node) => new(node, NodeEventType.Succeeded, Output);

    private static SavedDefinition Define()
    {
        const string Name = "project-create";
        string[] nodes =
        [
            Node(Project, "project"), Node(Vpc, "vpc", Project), Node(Router, "router", Vpc), Node(RouteV4, "route-v4", Router),
            Node(RouteV6, "route-v6", Router), Node(Subnet, "subnet", Vpc), Node(FirewallRules, "firewall-rules", Vpc),
            Node(Publish, "publish", RouteV4, RouteV6, Subnet, FirewallRules),
        ];
        byte[] dag = Encoding.UTF8.GetBytes($$"""{"name":"{{Name}}","version":1,"nodes":[{{string.Join(',', nodes)}}]}""");
        return new SavedDefinition(DefinitionHash.Of(dag), Name, Version: 1, dag);
    }

    private static string Node(int id, string name, params IReadOnlyList<int> after) =>
        $$"""{"id":{{id}},"name":"{{name}}","undo":{{(id == Publish ? "false" : "true")}},"after":[{{string.Join(',', after)}}]}""";
}
