using System.Diagnostics.CodeAnalysis;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Progress;

/// <summary>
/// Turns a log back into progress, or says exactly why no executor can have written it. The order of events is their rank
/// (<see cref="NodeEventType"/>), never the time or the place at which they stand.
/// </summary>
/// <remarks>
/// A node that never started is legal whatever its parents are: a saga that turned to unwinding starts nothing more. Stricter rules
/// reject logs that a crash in a parallel unwind really leaves. What an event implies need not stand there: a database that was failed over
/// or restored may have lost it.
/// </remarks>
internal static class SagaReplay
{
    public static bool TryReplay(
        SagaShape shape,
        IReadOnlyList<SavedNodeEvent> events,
        [NotNullWhen(true)] out SagaProgress? progress,
        [NotNullWhen(false)] out string? illegal)
    {
        progress = null;
        var seen = new NodeEvents[shape.Count];
        illegal = Collect(shape, events, seen);
        SavedNodeEvent[] inOrder = [.. events, .. Implied(shape, seen)];
        illegal ??= CheckNodes(shape, seen);
        if (illegal is not null)
        {
            return false;
        }

        var replayed = new SagaProgress(shape);
        Array.Sort(inOrder, static (one, other) => one.Type != other.Type ? one.Type - other.Type : one.NodeId - other.NodeId);
        foreach (SavedNodeEvent nodeEvent in inOrder)
        {
            replayed.Record(nodeEvent);
        }

        illegal = CheckEdges(replayed);
        if (illegal is not null)
        {
            return false;
        }

        FindFailure(replayed);
        progress = replayed;
        return true;
    }

    private static string? Collect(SagaShape shape, IReadOnlyList<SavedNodeEvent> events, NodeEvents[] seen)
    {
        foreach ((int node, NodeEventType type, _) in events)
        {
            if (node < 0 || node >= shape.Count)
            {
                return $"the log has an event '{type}' of node {node}; the definition has nodes 0 to {shape.Count - 1}";
            }

            if (!Enum.IsDefined(type))
            {
                return $"{Node(shape, node)} has an event of the unknown type {(int)type}";
            }

            if (seen[node].Has(type))
            {
                return $"{Node(shape, node)} has two events '{type}'";
            }

            seen[node] = seen[node].With(type);
        }

        return null;
    }

    /// <summary>
    /// Events that are lost and that others prove: what ended had begun, what was being undone had succeeded, and the parents of what began
    /// had begun. They carry no data. A parent whose success is lost with its output is run again.
    /// </summary>
    private static List<SavedNodeEvent> Implied(SagaShape shape, NodeEvents[] seen)
    {
        List<SavedNodeEvent> implied = [];
        for (int node = seen.Length - 1; node >= 0; node--) // children have greater ids
        {
            if (seen[node].IsEmpty && AnyBegan(shape.ChildrenOf(node)))
            {
                seen[node] = seen[node].With(NodeEventType.Started);
                implied.Add(new SavedNodeEvent(node, NodeEventType.Started, default));
            }

            ImpliedBy(node, NodeEventType.UndoStarted, NodeEventType.UndoFinished, NodeEventType.UndoFailed);
            ImpliedBy(node, NodeEventType.Succeeded, NodeEventType.UndoStarted);
            ImpliedBy(node, NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.Failed);
        }

        return implied;

        bool AnyBegan(ReadOnlySpan<int> nodes)
        {
            foreach (int node in nodes)
            {
                if (!seen[node].IsEmpty)
                {
                    return true;
                }
            }

            return false;
        }

        void ImpliedBy(int node, NodeEventType earlier, params ReadOnlySpan<NodeEventType> later)
        {
            if (!seen[node].Has(earlier) && seen[node].HasAny(later))
            {
                seen[node] = seen[node].With(earlier);
                implied.Add(new SavedNodeEvent(node, earlier, default));
            }
        }
    }

    /// <summary>What one node's events must be among themselves.</summary>
    private static string? CheckNodes(SagaShape shape, NodeEvents[] seen)
    {
        for (int node = 0; node < seen.Length; node++)
        {
            NodeEvents events = seen[node];
            string? illegal =
                events.HasBoth(NodeEventType.Succeeded, NodeEventType.Failed)
                ?? events.HasBoth(NodeEventType.UndoFinished, NodeEventType.UndoFailed);
            if (illegal is not null)
            {
                return $"{Node(shape, node)} has {illegal}";
            }
        }

        return null;
    }

    /// <summary>
    /// What parents and children must be to each other. Whatever else they are can come of a loss: the success of a parent was lost, and it
    /// failed when it was run again; or the end of a child's undo was lost.
    /// </summary>
    private static string? CheckEdges(SagaProgress progress)
    {
        SagaShape shape = progress.Shape;
        for (int node = 0; node < shape.Count; node++)
        {
            foreach (int parent in shape.ParentsOf(node))
            {
                if (progress[node] is NodeState.UndoFailed && IsUndo(progress[parent]))
                {
                    return $"the undo of {Node(shape, parent)} began though that of its child {Node(shape, node)} had failed";
                }
            }
        }

        return null;
    }

    /// <summary>
    /// A saga that is being undone has failed. Where the failure is lost, it was that of a node of which no success is known; of any, where
    /// all have succeeded since.
    /// </summary>
    private static void FindFailure(SagaProgress progress)
    {
        bool isBeingUndone = false;
        int? failed = null;
        for (int node = 0; node < progress.Shape.Count; node++)
        {
            isBeingUndone |= IsUndo(progress[node]);
            failed ??= progress[node] is NodeState.NeverStarted or NodeState.Started ? node : null;
        }

        if (isBeingUndone && !progress.IsUnwinding)
        {
            progress.UnwindFrom(failed ?? 0);
        }
    }

    private static bool IsUndo(NodeState state) => state is NodeState.UndoStarted or NodeState.UndoFinished or NodeState.UndoFailed;

    private static string Node(SagaShape shape, int node) => $"node {node} '{shape.NameOf(node)}'";

    /// <summary>The set of a node's events.</summary>
    private readonly record struct NodeEvents(int Bits)
    {
        public bool IsEmpty => Bits == 0;

        public bool Has(NodeEventType type) => (Bits & (1 << (int)type)) != 0;

        public NodeEvents With(NodeEventType type) => new(Bits | (1 << (int)type));

        public bool HasAny(ReadOnlySpan<NodeEventType> types)
        {
            foreach (NodeEventType type in types)
            {
                if (Has(type))
                {
                    return true;
                }
            }

            return false;
        }

        public string? HasBoth(NodeEventType one, NodeEventType other) => Has(one) && Has(other) ? $"both '{one}' and '{other}'" : null;
    }
}
