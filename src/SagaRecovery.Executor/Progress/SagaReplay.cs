using System.Diagnostics.CodeAnalysis;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Progress;

/// <summary>
/// Replays a log into progress, or returns the exact reason why no executor can have written it. Events are ordered by their rank
/// (<see cref="NodeEventType"/>), never by their time or their position in the log.
/// </summary>
/// <remarks>
/// A node that never started is legal in any state of its parents, since an unwinding saga starts no more nodes. Stricter rules would
/// reject logs that a crash during a parallel unwind leaves. An event that others imply may be missing, since a database that was failed
/// over or restored may have lost it.
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
        SavedNodeEvent[] ordered = [.. events, .. ImpliedEvents(shape, events, seen)];
        illegal ??= CheckNodes(shape, seen);
        if (illegal is not null)
        {
            return false;
        }

        var replayed = new SagaProgress(shape);
        Array.Sort(ordered, static (one, other) => one.Type != other.Type ? one.Type - other.Type : one.NodeId - other.NodeId);
        foreach (SavedNodeEvent nodeEvent in ordered)
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
                return $"the log has an event '{type}' of node {node}, but the definition has nodes 0 to {shape.Count - 1}";
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
    /// Returns the lost events that the remaining ones prove. A node that ended had started, a node being undone had succeeded, and the
    /// parents of a started node had started. These events carry no data. A parent whose output is lost runs again.
    /// </summary>
    private static List<SavedNodeEvent> ImpliedEvents(SagaShape shape, IReadOnlyList<SavedNodeEvent> events, NodeEvents[] seen)
    {
        List<SavedNodeEvent> implied = [];
        HashSet<int> uncertain = [];
        foreach ((int node, NodeEventType type, ReadOnlyMemory<byte> data) in events)
        {
            if (type is NodeEventType.Failed && SagaErrors.IsUncertain(data))
            {
                uncertain.Add(node);
            }
            else if (type is NodeEventType.Failed && SagaErrors.IsByOperator(data) && seen[node].HasAny([NodeEventType.UndoFinished, NodeEventType.UndoFailed]))
            {
                uncertain.Add(node);
                if (!seen[node].Has(NodeEventType.UndoStarted))
                {
                    seen[node] = seen[node].With(NodeEventType.UndoStarted);
                    implied.Add(new SavedNodeEvent(node, NodeEventType.UndoStarted, SagaErrors.AfterFailure));
                }
            }
            else if (type is NodeEventType.UndoStarted && SagaErrors.IsAfterFailure(data))
            {
                uncertain.Add(node);
                if (!seen[node].Has(NodeEventType.Failed))
                {
                    seen[node] = seen[node].With(NodeEventType.Failed);
                    implied.Add(new SavedNodeEvent(node, NodeEventType.Failed, SagaErrors.Write(SagaErrors.LostFailure)));
                }
            }
        }

        for (int node = seen.Length - 1; node >= 0; node--) // children have higher ids
        {
            if (seen[node].IsEmpty && AnyStarted(shape.ChildrenOf(node)))
            {
                seen[node] = seen[node].With(NodeEventType.Started);
                implied.Add(new SavedNodeEvent(node, NodeEventType.Started, default));
            }

            AddIfImplied(node, NodeEventType.UndoStarted, NodeEventType.UndoFinished, NodeEventType.UndoFailed);
            if (!uncertain.Contains(node))
            {
                AddIfImplied(node, NodeEventType.Succeeded, NodeEventType.UndoStarted);
            }

            AddIfImplied(node, NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.Failed);
        }

        return implied;

        bool AnyStarted(ReadOnlySpan<int> nodes)
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

        void AddIfImplied(int node, NodeEventType earlier, params ReadOnlySpan<NodeEventType> later)
        {
            if (!seen[node].Has(earlier) && seen[node].HasAny(later))
            {
                seen[node] = seen[node].With(earlier);
                implied.Add(new SavedNodeEvent(node, earlier, default));
            }
        }
    }

    /// <summary>Checks the events of each node against each other.</summary>
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
    /// Checks the states of parents against those of their children. Any other combination can result from a loss: a parent that lost its
    /// success and failed when it ran again, or a child that lost the end of its undo.
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
                    return $"the undo of {Node(shape, parent)} began although the undo of its child {Node(shape, node)} had failed";
                }
            }
        }

        return null;
    }

    /// <summary>
    /// Determines the failed node of a saga that is being undone although the failure is lost. It is the first node without a known
    /// success, or node 0 if all of them have succeeded since.
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

    /// <summary>The set of event types of one node.</summary>
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
