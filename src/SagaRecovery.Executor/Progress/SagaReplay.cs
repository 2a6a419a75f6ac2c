using System.Diagnostics.CodeAnalysis;
using SagaRecovery.Executor.Definitions;

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
    /// Events that are lost and that others prove: what ended had begun, and so had the parents of what began. They carry no data. A parent
    /// whose success is lost with its output is run again.
    /// </summary>
    private static List<SavedNodeEvent> Implied(SagaShape shape, NodeEvents[] seen)
    {
        List<SavedNodeEvent> implied = [];
        for (int node = seen.Length - 1; node >= 0; node--) // children have greater ids
        {
            if (seen[node].IsEmpty && Array.Exists([.. shape.ChildrenOf(node)], child => !seen[child].IsEmpty))
            {
                seen[node] = seen[node].With(NodeEventType.Started);
                implied.Add(new SavedNodeEvent(node, NodeEventType.Started, default));
            }

            ImpliedBy(node, NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.Failed);
            ImpliedBy(node, NodeEventType.UndoStarted, NodeEventType.UndoFinished, NodeEventType.UndoFailed);
        }

        return implied;

        void ImpliedBy(int node, NodeEventType beginning, NodeEventType end, NodeEventType otherEnd)
        {
            if (!seen[node].Has(beginning) && (seen[node].Has(end) || seen[node].Has(otherEnd)))
            {
                seen[node] = seen[node].With(beginning);
                implied.Add(new SavedNodeEvent(node, beginning, default));
            }
        }
    }

    /// <summary>What one node's events must be among themselves.</summary>
    private static string? CheckNodes(SagaShape shape, NodeEvents[] seen)
    {
        bool anyFailed = Array.Exists(seen, events => events.Has(NodeEventType.Failed));
        for (int node = 0; node < seen.Length; node++)
        {
            NodeEvents events = seen[node];
            string? illegal =
                events.HasBoth(NodeEventType.Succeeded, NodeEventType.Failed)
                ?? events.Lacks(NodeEventType.UndoStarted, NodeEventType.Succeeded)
                ?? events.HasBoth(NodeEventType.UndoFinished, NodeEventType.UndoFailed)
                ?? (events.Has(NodeEventType.UndoStarted) && !anyFailed ? "'UndoStarted' though no node of the saga failed" : null);
            if (illegal is not null)
            {
                return $"{Node(shape, node)} has {illegal}";
            }
        }

        return null;
    }

    /// <summary>What parents and children must be to each other.</summary>
    private static string? CheckEdges(SagaProgress progress)
    {
        SagaShape shape = progress.Shape;
        for (int node = 0; node < shape.Count; node++)
        {
            foreach (int parent in shape.ParentsOf(node))
            {
                (NodeState above, NodeState below) = (progress[parent], progress[node]);
                if (below is not NodeState.NeverStarted && above is NodeState.Failed)
                {
                    return $"{Node(shape, node)} started though its parent {Node(shape, parent)} failed";
                }

                if (above is NodeState.UndoStarted or NodeState.UndoFinished or NodeState.UndoFailed
                    && below is NodeState.Started or NodeState.Succeeded or NodeState.UndoStarted or NodeState.UndoFailed)
                {
                    return $"the undo of {Node(shape, parent)} began while its child {Node(shape, node)} was {below}";
                }
            }
        }

        return null;
    }

    private static string Node(SagaShape shape, int node) => $"node {node} '{shape.NameOf(node)}'";

    /// <summary>The set of a node's events.</summary>
    private readonly record struct NodeEvents(int Bits)
    {
        public bool IsEmpty => Bits == 0;

        public bool Has(NodeEventType type) => (Bits & (1 << (int)type)) != 0;

        public NodeEvents With(NodeEventType type) => new(Bits | (1 << (int)type));

        public string? Lacks(NodeEventType later, NodeEventType earlier) =>
            Has(later) && !Has(earlier) ? $"'{later}' without '{earlier}'" : null;

        public string? HasBoth(NodeEventType one, NodeEventType other) => Has(one) && Has(other) ? $"both '{one}' and '{other}'" : null;
    }
}
