using SagaRecovery.Executor.Progress;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Progress;

/// <summary>All interleavings of a small DAG, where every action and every undo may succeed or fail.</summary>
public sealed class InterleavingTests
{
    private static readonly SagaShape Shape = TestShapes.Diamond;

    private static readonly List<SavedNodeEvent[]> Reachable =
        LogExplorer.ReachableLogs(Shape, mayFail: _ => true, maySucceed: _ => true, undosFail: true);

    [Fact]
    public void Every_log_that_can_occur_is_legal_and_is_continued_to_an_end()
    {
        Reachable.Count.Should().BeGreaterThan(200, "else this test walks nothing");
        foreach (SavedNodeEvent[] log in Reachable)
        {
            SagaProgress end = Continue(log);

            SagaState expected = Any(log, NodeEventType.UndoFailed) ? SagaState.Stuck
                : Any(log, NodeEventType.Failed) ? SagaState.Unwound
                : SagaState.Succeeded;
            end.End.Should().Be(expected, LogExplorer.Key(log));
        }
    }

    [Fact]
    public void No_undo_is_under_way_together_with_an_action()
    {
        foreach (SavedNodeEvent[] log in Reachable)
        {
            SagaProgress progress = LogExplorer.Replay(Shape, log);
            NodeState[] states = [.. Enumerable.Range(0, Shape.Count).Select(node => progress[node])];
            bool acting = states.Contains(NodeState.Started);
            bool undoing = states.Any(state => state is NodeState.UndoStarted or NodeState.UndoFinished or NodeState.UndoFailed);
            (acting && undoing).Should().BeFalse(LogExplorer.Key(log));
        }
    }

    /// <summary>The request may come at any moment, and any of the owners may crash: the next one knows of it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_log_of_a_cancelled_saga_is_legal_and_is_continued_to_its_end(bool mayStayOpen)
    {
        List<SavedNodeEvent[]> logs = LogExplorer.ReachableLogsOfCancelled(Shape, Reachable, _ => mayStayOpen);
        logs.Count.Should().BeGreaterThan(Reachable.Count, "else nothing was cancelled");
        foreach (SavedNodeEvent[] log in logs)
        {
            SagaProgress end = Continue(log, cancelled: progress => LogExplorer.Cancelled(progress, _ => mayStayOpen));

            end.End.Should().Be(Any(log, NodeEventType.UndoFailed) ? SagaState.Stuck : SagaState.Unwound, LogExplorer.Key(log));
            SavedNodeEvent[] whole = [.. end.ToEvents()];
            whole.Count(one => one.Type == NodeEventType.Started).Should().Be(log.Count(one => one.Type == NodeEventType.Started), "nothing starts");
            if (mayStayOpen)
            {
                whole.Count(one => one.Type == NodeEventType.Succeeded).Should().Be(log.Count(one => one.Type == NodeEventType.Succeeded), "no action runs again");
            }
        }
    }

    /// <summary>A fail-over loses what was committed last; the saga runs on; a second process resumes from what is left.</summary>
    [Theory]
    [InlineData(NodeEventType.Succeeded)]
    [InlineData(NodeEventType.Failed)]
    public void Every_log_that_has_lost_a_stretch_of_commits_is_legal_and_is_continued_to_an_end(NodeEventType actionsEnd)
    {
        HashSet<string> seen = [];
        foreach (SavedNodeEvent[] log in Reachable)
        {
            for (int from = 0; from < log.Length; from++)
            {
                for (int to = from + 1; to <= log.Length; to++)
                {
                    SavedNodeEvent[] left = [.. log[..from], .. log[to..]];
                    if (seen.Add(LogExplorer.Key(left)))
                    {
                        Continue(left, actionsEnd);
                    }
                }
            }
        }

        seen.Count.Should().BeGreaterThan(Reachable.Count, "else nothing was lost");
    }

    /// <summary>Legality is checked node by node and edge by edge; a log that passes must not stall, even if no process could write it.</summary>
    [Fact]
    public void Every_log_that_passes_for_legal_is_continued_to_an_end()
    {
        int legal = 0;
        int combinations = (int)Math.Pow(Histories.Length, Shape.Count);
        for (int combination = 0; combination < combinations; combination++)
        {
            List<SavedNodeEvent> log = [];
            for (int node = 0, rest = combination; node < Shape.Count; node++, rest /= Histories.Length)
            {
                log.AddRange(Histories[rest % Histories.Length].Select(type => new SavedNodeEvent(node, type, default)));
            }

            if (SagaReplay.TryReplay(Shape, log, out _, out _))
            {
                legal++;
                Continue(log);
            }
        }

        legal.Should().BeGreaterThanOrEqualTo(Reachable.Count);
    }

    private static readonly NodeEventType[][] Histories =
    [
        [],
        [NodeEventType.Started],
        [NodeEventType.Started, NodeEventType.Succeeded],
        [NodeEventType.Started, NodeEventType.Failed],
        [NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.UndoStarted],
        [NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.UndoStarted, NodeEventType.UndoFinished],
        [NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.UndoStarted, NodeEventType.UndoFailed],
    ];

    /// <summary>Resumes a log as a new process does, with the same end for every later action, and checks each step on the way.</summary>
    private static SagaProgress Continue(
        IReadOnlyList<SavedNodeEvent> log, NodeEventType actionsEnd = NodeEventType.Succeeded, Func<SagaProgress, SagaProgress>? cancelled = null)
    {
        SagaProgress progress = Resumed(log);
        List<SavedNodeEvent> written = [.. log];
        NextSteps turn = progress.Next();
        while (progress.End is null)
        {
            LogLaws.Hold(turn.Actions.Count + turn.Undos.Count > 0, "it is stalled", written);
            LogLaws.Hold(!turn.Actions.Exists(node => Has(log, node, NodeEventType.Succeeded) || Has(log, node, NodeEventType.Failed)), "an action runs again", written);
            LogLaws.Hold(!turn.Undos.Exists(node => Has(log, node, NodeEventType.UndoFinished) || Has(log, node, NodeEventType.UndoFailed)), "an undo runs again", written);
            List<SavedNodeEvent> news =
            [
                .. turn.Actions.Select(node => new SavedNodeEvent(node, actionsEnd, default)),
                .. turn.Undos.Select(node => new SavedNodeEvent(node, NodeEventType.UndoFinished, default)),
            ];
            news.ForEach(progress.Record);
            written.AddRange(turn.Events);
            written.AddRange(news);
            Resumed(written); // a crash here leaves a legal log
            turn = progress.Next();
        }

        LogLaws.Hold(turn.Actions.Count + turn.Undos.Count == 0, "a saga that is at its end begins something", written);
        written.AddRange(turn.Events);
        LogLaws.Hold(Resumed(written).End == progress.End, "the log has another end", written);
        return progress;

        SagaProgress Resumed(IReadOnlyList<SavedNodeEvent> events)
        {
            SagaProgress replayed = LogExplorer.Replay(Shape, events);
            return cancelled?.Invoke(replayed) ?? replayed;
        }
    }

    private static bool Any(SavedNodeEvent[] log, NodeEventType type) => log.Any(nodeEvent => nodeEvent.Type == type);

    private static bool Has(IReadOnlyList<SavedNodeEvent> log, int node, NodeEventType type) =>
        log.Any(nodeEvent => nodeEvent.NodeId == node && nodeEvent.Type == type);
}
