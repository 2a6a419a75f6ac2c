using SagaRecovery.Executor.Progress;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Progress;

/// <summary>
/// The rules of every log in the order of writing, stated again, without the code that is tested. Each throws if it does not.
/// </summary>
internal static class LogLaws
{
    /// <summary>Nothing that had ended is run again, and nothing is run twice.</summary>
    public static void NothingRunsAgain(SagaDrive drive, IReadOnlyList<SavedNodeEvent> before)
    {
        foreach (int node in drive.Acted)
        {
            Hold(!Has(before, node, NodeEventType.Succeeded) && !Has(before, node, NodeEventType.Failed), $"the action of {node} had ended and runs again", drive.Log);
        }

        foreach (int node in drive.Undone)
        {
            Hold(!Has(before, node, NodeEventType.UndoFinished) && !Has(before, node, NodeEventType.UndoFailed), $"the undo of {node} had ended and runs again", drive.Log);
        }

        Hold(drive.Acted.Distinct().Count() == drive.Acted.Count, "an action runs twice", drive.Log);
        Hold(drive.Undone.Distinct().Count() == drive.Undone.Count, "an undo runs twice", drive.Log);
        Hold(drive.Log.Select(nodeEvent => (nodeEvent.NodeId, nodeEvent.Type)).Distinct().Count() == drive.Log.Count, "an event is logged twice", drive.Log);
    }

    /// <summary>The end follows from the events.</summary>
    public static void EndFollowsFromEvents(SagaShape shape, SagaDrive drive)
    {
        List<SavedNodeEvent> log = drive.Log;
        bool isUnwinding = Any(NodeEventType.Failed) || drive.CancelledAt is not null;
        SagaState expected = Any(NodeEventType.UndoFailed) ? SagaState.Stuck : isUnwinding ? SagaState.Unwound : SagaState.Succeeded;
        Hold(drive.End == expected, $"the end is {drive.End?.ToString() ?? "none, it is stalled"}, not {expected}", log);
        for (int node = 0; node < shape.Count; node++)
        {
            bool succeeded = Has(log, node, NodeEventType.Succeeded);
            Hold(expected != SagaState.Succeeded || succeeded, $"{node} did not run though the saga succeeded", log);
            bool mayHaveTakenEffect = succeeded || log.Exists(one => one.NodeId == node && one.Type == NodeEventType.Failed && SagaErrors.IsUncertain(one.Data));
            Hold(expected != SagaState.Unwound || mayHaveTakenEffect == Has(log, node, NodeEventType.UndoFinished), $"{node} is not undone though the saga is unwound", log);
            Hold(!Has(log, node, NodeEventType.Started) || succeeded || Has(log, node, NodeEventType.Failed), $"the action of {node} has no end", log);
            Hold(
                !Has(log, node, NodeEventType.UndoStarted) || Has(log, node, NodeEventType.UndoFinished) || Has(log, node, NodeEventType.UndoFailed),
                $"the undo of {node} has no end",
                log);
        }

        bool Any(NodeEventType type) => log.Exists(nodeEvent => nodeEvent.Type == type);
    }

    /// <summary>
    /// Parents act before their children and are undone after them; nothing starts after a failure or a cancellation, nothing is undone
    /// before one or beside an action, and no undo begins after one that failed.
    /// </summary>
    public static void OrderIsKept(SagaShape shape, SagaDrive drive)
    {
        List<SavedNodeEvent> log = drive.Log;
        int failed = Math.Min(FirstOf(log, NodeEventType.Failed), drive.CancelledAt - 1 ?? int.MaxValue); // the last event before the saga unwinds
        int undoFailed = FirstOf(log, NodeEventType.UndoFailed);
        for (int node = 0; node < shape.Count; node++)
        {
            int started = At(log, node, NodeEventType.Started) ?? int.MaxValue;
            int undoStarted = At(log, node, NodeEventType.UndoStarted) ?? int.MaxValue;
            foreach (int parent in shape.ParentsOf(node))
            {
                Hold(started == int.MaxValue || At(log, parent, NodeEventType.Succeeded) < started, $"{node} started before its parent {parent} had succeeded", log);
                bool childIsUndone = !Has(log, node, NodeEventType.Succeeded)
                    || (At(log, node, NodeEventType.UndoFinished) is { } undone && undone < At(log, parent, NodeEventType.UndoStarted));
                Hold(!Has(log, parent, NodeEventType.UndoStarted) || childIsUndone, $"the undo of {parent} began before that of its child {node} had ended", log);
            }

            Hold(started == int.MaxValue || started < failed, $"{node} started though a node had failed or the saga was cancelled", log);
            if (undoStarted != int.MaxValue)
            {
                Hold(failed < undoStarted, $"{node} is undone though nothing had failed and the saga was not cancelled", log);
                Hold(undoStarted < undoFailed, $"the undo of {node} began though an undo had failed", log);
                bool acting = Enumerable.Range(0, shape.Count).Any(other => IsActingAt(log, other, undoStarted));
                Hold(!acting, $"the undo of {node} began while an action was under way", log);
            }
        }
    }

    private static int FirstOf(List<SavedNodeEvent> log, NodeEventType type) =>
        log.FindIndex(nodeEvent => nodeEvent.Type == type) is var at && at >= 0 ? at : int.MaxValue;

    private static bool IsActingAt(List<SavedNodeEvent> log, int node, int at) =>
        At(log, node, NodeEventType.Started) < at
        && !((At(log, node, NodeEventType.Succeeded) ?? At(log, node, NodeEventType.Failed)) < at);

    private static bool Has(IReadOnlyList<SavedNodeEvent> log, int node, NodeEventType type) => At(log, node, type) is not null;

    private static int? At(IReadOnlyList<SavedNodeEvent> log, int node, NodeEventType type)
    {
        for (int at = 0; at < log.Count; at++)
        {
            if (log[at].NodeId == node && log[at].Type == type)
            {
                return at;
            }
        }

        return null;
    }

    internal static void Hold(bool holds, string otherwise, IEnumerable<SavedNodeEvent> log)
    {
        if (!holds)
        {
            throw new BrokenLawException(otherwise, log);
        }
    }
}
