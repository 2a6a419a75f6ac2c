using SagaRecovery.Cli.Output;
using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Tests;

public sealed class GraphDrawingTests
{
    [Fact]
    public void Branches_fork_to_the_right_and_every_node_shows_its_state()
    {
        SagaDetails saga = Saga(
            [(0, NodeEventType.Started), (0, NodeEventType.Succeeded), (1, NodeEventType.Started), (1, NodeEventType.Failed), (2, NodeEventType.UndoStarted), (2, NodeEventType.Started)],
            ("a", []), ("b", [0]), ("c", [0]), ("d", [2]), ("e", [1, 3]));

        Draw(saga).Should().Equal(
            "NODE   STATE         AFTER",
            "o a    succeeded",
            "├─o b  failed        a",
            "└─o c  undo_started  a",
            "  o d  not started   c",
            "  o e  not started   b, d");
    }

    [Fact]
    public void The_nodes_of_a_subsaga_are_shown_below_it_by_their_own_names()
    {
        SagaDetails saga = Saga([(0, NodeEventType.Started)], ("a", []), ("net", [0]), ("net/vpc", [1]), ("net/sub", [2]), ("net/sub/x", [3]), ("end", [4]));
        SagaGraphNode[] nodes = [.. saga.Graph!.Nodes];
        nodes[1] = nodes[1] with { Subsaga = new SagaGraphSubsaga("vpc-create", 2) };
        nodes[3] = nodes[3] with { Subsaga = new SagaGraphSubsaga("subnet", 1) };

        Draw(saga with { Graph = new SagaGraph(nodes) }).Should().Equal(
            "NODE                           STATE        AFTER",
            "o a                            started",
            "o net (subsaga vpc-create v2)  not started  a",
            "· o vpc                        not started  net",
            "· o sub (subsaga subnet v1)    not started  net/vpc",
            "· · o x                        not started  net/sub",
            "o end                          not started  net/sub/x");
    }

    [Fact]
    public void A_graph_of_any_depth_and_width_is_drawn()
    {
        (string Name, int[] After)[] chain = [("first", []), .. Enumerable.Range(1, 5_000).Select(id => ($"n{id}", new[] { id - 1 }))];
        (string Name, int[] After)[] comb = [("first", []), .. Enumerable.Range(1, 5_000).Select(id => ($"n{id}", new[] { (id - 1) / 2 * 2 }))];

        Draw(Saga([], chain)).Should().HaveCount(5_002);
        Draw(Saga([], comb)).Should().HaveCount(5_002).And.OnlyContain(line => line.Length < 200);
    }

    private static string[] Draw(SagaDetails saga)
    {
        using var output = new StringWriter();
        var environment = new ToolEnvironment { Out = output, Error = output, In = TextReader.Null, GetVariable = _ => null, User = ToolRun.OsUser, Time = TimeProvider.System };
        new Screen(environment).Print(GraphDrawing.Draw(saga, saga.Graph!));
        return output.ToString().TrimEnd('\n').Split('\n');
    }

    private static SagaDetails Saga(IReadOnlyList<(int Node, NodeEventType Type)> events, params (string Name, int[] After)[] nodes) => new()
    {
        Summary = new SagaSummary(default, "x", SagaState.Running, Owner: null, AdoptGeneration.Initial, default, IsHeld: false),
        Creator = default,
        TimeAdopted = default,
        Version = 1,
        DefinitionHash = DefinitionHash.Of([]),
        Graph = new SagaGraph([.. nodes.Select((node, id) => new SagaGraphNode(id, node.Name, Undo: true, node.After))]),
        Parameters = "{}",
        Events = [.. events.Select(entry => new LoggedEvent(default, entry.Node, nodes[entry.Node].Name, entry.Type, Data: null, default))],
    };
}
