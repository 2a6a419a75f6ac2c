using SagaRecovery.Executor.Progress;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Progress;

/// <summary>
/// Every log that a crash can leave, found by exploration: from each log, the next decided event is written, or any node that is
/// under way ends in every possible way.
/// </summary>
internal static class LogExplorer
{
    public static List<SavedNodeEvent[]> ReachableLogs(SagaShape shape, Func<int, bool> mayFail, Func<int, bool> maySucceed, bool undosFail) =>
        Explore(shape, [[]], progress => progress, mayFail, maySucceed, undosFail);

    /// <summary>Every log that a crash can leave after the saga was cancelled, at any of these logs.</summary>
    public static List<SavedNodeEvent[]> ReachableLogsOfCancelled(SagaShape shape, IEnumerable<SavedNodeEvent[]> logs, Func<int, bool> mayStayOpen) =>
        Explore(shape, logs, progress => Cancelled(progress, mayStayOpen), mayFail: _ => true, maySucceed: _ => true, undosFail: true);

    public static SagaProgress Cancelled(SagaProgress progress, Func<int, bool> mayStayOpen)
    {
        progress.Cancel(mayStayOpen);
        return progress;
    }

    private static List<SavedNodeEvent[]> Explore(
        SagaShape shape,
        IEnumerable<SavedNodeEvent[]> from,
        Func<SagaProgress, SagaProgress> prepare,
        Func<int, bool> mayFail,
        Func<int, bool> maySucceed,
        bool undosFail)
    {
        Dictionary<string, SavedNodeEvent[]> seen = [];
        Stack<SavedNodeEvent[]> open = new();
        foreach (SavedNodeEvent[] log in from)
        {
            Visit(log);
        }

        while (open.TryPop(out SavedNodeEvent[]? log))
        {
            SagaProgress progress = prepare(Replay(shape, log));
            NextSteps next = progress.Next();
            if (next.Events.Count > 0)
            {
                Visit([.. log, next.Events[0]]);
            }

            SagaProgress asWritten = Replay(shape, log); // Next has advanced the other one
            for (int node = 0; node < shape.Count; node++)
            {
                foreach (NodeEventType end in EndsOf(asWritten[node], node))
                {
                    Visit([.. log, new SavedNodeEvent(node, end, default)]);
                }
            }
        }

        return [.. seen.Values];

        void Visit(SavedNodeEvent[] log)
        {
            if (seen.TryAdd(Key(log), log))
            {
                open.Push(log);
            }
        }

        IEnumerable<NodeEventType> EndsOf(NodeState state, int node)
        {
            if (state == NodeState.Started && maySucceed(node))
            {
                yield return NodeEventType.Succeeded;
            }

            if (state == NodeState.Started && mayFail(node))
            {
                yield return NodeEventType.Failed;
            }

            if (state == NodeState.UndoStarted)
            {
                yield return NodeEventType.UndoFinished;
                if (undosFail && shape.HasUndo(node))
                {
                    yield return NodeEventType.UndoFailed;
                }
            }
        }
    }

    public static SagaProgress Replay(SagaShape shape, IReadOnlyList<SavedNodeEvent> log) => SagaDrive.Replay(shape, log);

    public static string Key(IEnumerable<SavedNodeEvent> log) =>
        string.Join(',', log.Select(nodeEvent => $"{nodeEvent.NodeId}{nodeEvent.Type}").Order(StringComparer.Ordinal));
}
