using System.Collections.Concurrent;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Support;

/// <summary>A saga whose nodes a test declares on the spot.</summary>
internal sealed class TestSaga(string name, Action<SagaBuilder<string>> define, int version = 1) : Saga<string>
{
    public override string Name => name;

    public override int Version => version;

    /// <summary>One node, which passes a gate.</summary>
    public static TestSaga Gated(Gate gate) =>
        new("gated", saga => saga.Node("only", context => gate.PassAsync(context.CancellationToken)));

    /// <summary>Two nodes, of which the first does nothing: its end is the first write of a run.</summary>
    public static TestSaga Pair(string name, Func<NodeContext<string>, Task> second) => new(name, saga =>
    {
        SagaNode first = saga.Node("first", _ => Task.CompletedTask);
        saga.Node("second", second, after: first);
    });

    protected internal override void Define(SagaBuilder<string> saga) => define(saga);
}

/// <summary>
/// Seven nodes in parallel branches, some with an undo and some without; one of them can be made to fail. Counts the runs.
/// <code>
///   a ── b ── d ──┐
///   ├─── c ── e ──┴ f
///   └─── g
/// </code>
/// </summary>
internal sealed class DiamondSaga : Saga<string>
{
    public static readonly string[] Nodes = ["a", "b", "c", "d", "e", "f", "g"];

    private static readonly Dictionary<string, string[]> After = new()
    {
        ["a"] = [], ["b"] = ["a"], ["c"] = ["a"], ["d"] = ["b"], ["e"] = ["c"], ["f"] = ["d", "e"], ["g"] = ["a"],
    };

    private readonly Dictionary<string, TaskCompletionSource> _succeeded =
        Nodes.ToDictionary(node => node, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    public override string Name => "diamond";

    /// <summary>This node's action fails.</summary>
    public string? Failing { get; init; }

    /// <summary>This node's undo fails.</summary>
    public string? UndoFailing { get; init; }

    /// <summary>The failing node waits for all nodes that are not its successors: the log then ends the same under any timing.</summary>
    public bool FailsLast { get; init; }

    public ConcurrentQueue<string> Acted { get; } = new();

    public ConcurrentQueue<string> Undone { get; } = new();

    public static bool ComesAfter(string node, string ancestor) =>
        After[node].Any(parent => parent == ancestor || ComesAfter(parent, ancestor));

    /// <summary>Describes what a log already records as done.</summary>
    public DiamondSaga Knowing(IEnumerable<SavedNodeEvent> log)
    {
        foreach (SavedNodeEvent done in log.Where(nodeEvent => nodeEvent.Type == NodeEventType.Succeeded))
        {
            _succeeded[Nodes[done.NodeId]].TrySetResult();
        }

        return this;
    }

    protected internal override void Define(SagaBuilder<string> saga)
    {
        Dictionary<string, SagaNode<string>> nodes = [];
        foreach (string name in Nodes)
        {
            SagaNode<string>[] parents = [.. After[name].Select(parent => nodes[parent])];
            nodes[name] = saga.Node(
                name,
                context => ActAsync(context, parents),
                name is "c" or "g" ? null : UndoAsync,
                parents);
        }
    }

    private async Task<string> ActAsync(NodeContext<string> context, SagaNode<string>[] parents)
    {
        Acted.Enqueue(context.NodeName);
        if (context.NodeName == Failing)
        {
            if (FailsLast)
            {
                await Task.WhenAll(Nodes.Where(node => node != Failing && !ComesAfter(node, Failing)).Select(node => _succeeded[node].Task))
                    .Soon();
            }

            throw new SagaActionException("broken", $"{Failing} is broken");
        }

        string output = $"{context.NodeName}({string.Join(',', parents.Select(context.Output))})";
        _succeeded[context.NodeName].TrySetResult();
        return output;
    }

    private Task UndoAsync(NodeContext<string> context, string output)
    {
        output.Should().StartWith($"{context.NodeName}(");
        Undone.Enqueue(context.NodeName);
        return context.NodeName == UndoFailing
            ? Task.FromException(new SagaActionException("sticky", $"{context.NodeName} cannot be undone"))
            : Task.CompletedTask;
    }
}
