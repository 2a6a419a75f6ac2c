using System.Runtime.CompilerServices;

namespace SagaRecovery;

/// <summary>The action and the undo of a node.</summary>
internal abstract class NodeCode<TParameters>
{
    /// <summary>The type of the output; null for a node without one.</summary>
    public abstract Type? OutputType { get; }

    /// <summary>True if action and undo run in the transactions that write the events which end them.</summary>
    public bool IsTransactional { get; init; }

    public abstract ValueTask<ReadOnlyMemory<byte>> RunActionAsync(NodeContext<TParameters> context, NodeOutputs outputs);

    public abstract Task RunUndoAsync(NodeContext<TParameters> context, int node, NodeOutputs outputs);
}

internal sealed class NodeCode<TParameters, TOutput>(
    Func<NodeContext<TParameters>, Task<TOutput>> action, Func<NodeContext<TParameters>, TOutput, Task>? undo)
    : NodeCode<TParameters>
{
    public override Type? OutputType => typeof(TOutput);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<ReadOnlyMemory<byte>> RunActionAsync(NodeContext<TParameters> context, NodeOutputs outputs) =>
        outputs.Write(context.NodeName, await action(context).ConfigureAwait(false));

    public override Task RunUndoAsync(NodeContext<TParameters> context, int node, NodeOutputs outputs) =>
        undo is null ? Task.CompletedTask : undo(context, outputs.ReadForUndo<TOutput>(node)!);
}

internal sealed class PlainNodeCode<TParameters>(
    Func<NodeContext<TParameters>, Task> action, Func<NodeContext<TParameters>, Task>? undo)
    : NodeCode<TParameters>
{
    public override Type? OutputType => null;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<ReadOnlyMemory<byte>> RunActionAsync(NodeContext<TParameters> context, NodeOutputs outputs)
    {
        await action(context).ConfigureAwait(false);
        return default;
    }

    public override Task RunUndoAsync(NodeContext<TParameters> context, int node, NodeOutputs outputs) =>
        undo is null ? Task.CompletedTask : undo(context);
}
