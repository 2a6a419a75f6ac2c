using System.Collections.Concurrent;

namespace SagaRecovery.Executor.Tests.Support;

/// <summary>Three nodes in a row, each with an undo. The second waits for the gate, and heeds no token.</summary>
internal sealed class GatedChain
{
    /// <summary>The steps that have begun: <c>first</c>, <c>undo first</c>.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    public Gate Gate { get; } = new();

    public TestSaga CreateSaga() => new("chain", builder =>
    {
        SagaNode first = builder.Node("first", Act("first"), Undo("first"));
        SagaNode second = builder.Node(
            "second",
            async _ =>
            {
                Calls.Enqueue("second");
                await Gate.PassAsync(CancellationToken.None);
            },
            Undo("second"),
            first);
        builder.Node("third", Act("third"), Undo("third"), second);
    });

    public Func<NodeContext<string>, Task> Act(string node) => _ =>
    {
        Calls.Enqueue(node);
        return Task.CompletedTask;
    };

    public Func<NodeContext<string>, Task> Undo(string node) => Act($"undo {node}");
}
