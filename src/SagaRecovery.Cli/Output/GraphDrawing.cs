using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Output;

/// <summary>
/// Draws a saga's graph as text. Each node appears once, below its last predecessor. Only branches and the nodes of subsagas are indented.
/// </summary>
internal static class GraphDrawing
{
    private const int DeepestIndent = 40;

    public static Sheet Draw(SagaDetails saga, SagaGraph graph)
    {
        var sheet = new Sheet("NODE", "STATE", Column.OfTexts("AFTER") with { LeftOut = 0 });
        Dictionary<int, NodeEventType> reached = saga.Events
            .GroupBy(entry => entry.NodeId)
            .ToDictionary(events => events.Key, events => events.Max(entry => entry.Type)); // the enum is declared in the order in which events occur
        ILookup<int, SagaGraphNode> children = graph.Nodes.ToLookup(node => node.After.DefaultIfEmpty(-1).Max());
        var open = new Stack<(SagaGraphNode Node, string Mark, string Below)>();
        Push(open, [.. children[-1]], "");
        while (open.TryPop(out (SagaGraphNode Node, string Mark, string Below) next))
        {
            (SagaGraphNode node, string mark, string below) = next;
            string state = reached.TryGetValue(node.Id, out NodeEventType last) ? SagaNames.Of(last) : "not started";
            sheet.Add(new Cell(Nested(graph, node, mark), Spectre.Console.Style.Plain), State(state), After(graph, node));
            Push(open, [.. children[node.Id]], below);
        }

        return sheet;
    }

    /// <summary>Returns the name of a node without those of its subsagas, indented below them; and the definition of a subsaga.</summary>
    private static string Nested(SagaGraph graph, SagaGraphNode node, string mark)
    {
        IReadOnlyList<SagaGraphNode> containers = graph.ContainersOf(node);
        string name = containers.Count == 0 ? node.Name : node.Name[(containers[^1].Name.Length + 1)..];
        string subsaga = node.Subsaga is { } definition ? $" (subsaga {PlainText.OneLine(definition.Name, longest: 40)} v{definition.Version})" : "";
        return $"{string.Concat(Enumerable.Repeat("· ", Math.Min(containers.Count, DeepestIndent / 2)))}{mark}o {PlainText.OneLine(name, longest: 60)}{subsaga}";
    }

    private static void Push(Stack<(SagaGraphNode Node, string Mark, string Below)> open, SagaGraphNode[] siblings, string indent)
    {
        bool isBranch = siblings.Length > 1 && indent.Length < DeepestIndent;
        for (int i = siblings.Length - 1; i >= 0; i--)
        {
            bool isLast = i == siblings.Length - 1;
            open.Push(isBranch
                ? (siblings[i], indent + (isLast ? "└─" : "├─"), indent + (isLast ? "  " : "│ "))
                : (siblings[i], indent, indent));
        }
    }

    private static string After(SagaGraph graph, SagaGraphNode node) => string.Join(", ", node.After.Take(10).Select(graph.NameOf));

    private static Cell State(string state) => new(state, state switch
    {
        "succeeded" => new(Spectre.Console.Color.Green),
        "failed" or "undo_failed" => new(Spectre.Console.Color.Red),
        "undo_started" or "undo_finished" => new(Spectre.Console.Color.Yellow),
        _ => Spectre.Console.Style.Plain,
    });
}
