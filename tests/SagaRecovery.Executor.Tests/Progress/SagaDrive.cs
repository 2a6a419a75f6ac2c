using SagaRecovery.Executor.Progress;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Progress;

/// <summary>
/// Drives a saga to its end as the executor does, with given ends of its nodes in place of actions and undos. Records the log and
/// the returned steps.
/// </summary>
internal sealed class SagaDrive
{
    private readonly SagaProgress _progress;
    private readonly List<(int Node, bool Undo)> _underWay = [];
    private readonly int? _cancelAfter;
    private int _ended;

    private SagaDrive(SagaProgress progress, IEnumerable<SavedNodeEvent> log, int? cancelAfter)
    {
        _progress = progress;
        _cancelAfter = cancelAfter;
        Log = [.. log];
    }

    /// <summary>Every event, in the order of writing.</summary>
    public List<SavedNodeEvent> Log { get; }

    /// <summary>The nodes whose action was returned, in order.</summary>
    public List<int> Acted { get; } = [];

    /// <summary>The nodes whose undo was returned, in order.</summary>
    public List<int> Undone { get; } = [];

    /// <summary>The number of events in the log when the saga was cancelled; null: it was not.</summary>
    public int? CancelledAt { get; private set; }

    /// <summary>The end of the saga; null: it stalled.</summary>
    public SagaState? End => _progress.End;

    /// <summary>Drives a new saga, and cancels it after so many of its actions and undos have ended, unless its end is written by then.</summary>
    public static SagaDrive New(SagaShape shape, NodeEnd[] ends, int? cancelAfter = null) =>
        new SagaDrive(new SagaProgress(shape), [], cancelAfter).ToEnd(ends);

    /// <summary>Continues a saga from its log.</summary>
    /// <param name="shape">The shape of the saga.</param>
    /// <param name="log">The log.</param>
    /// <param name="ends">The ends of its nodes.</param>
    /// <param name="cancelledAt">The number of events in the log when the saga was cancelled; null: it was not.</param>
    /// <exception cref="BrokenLawException">The log is illegal.</exception>
    public static SagaDrive Resume(SagaShape shape, IReadOnlyList<SavedNodeEvent> log, NodeEnd[] ends, int? cancelledAt = null)
    {
        var drive = new SagaDrive(Replay(shape, log), log, cancelAfter: null);
        if (cancelledAt is { } at)
        {
            drive.Cancel(at);
        }

        return drive.ToEnd(ends);
    }

    public static SagaProgress Replay(SagaShape shape, IReadOnlyList<SavedNodeEvent> log) =>
        SagaReplay.TryReplay(shape, log, out SagaProgress? progress, out string? illegal)
            ? progress
            : throw new BrokenLawException($"a log that was written is illegal: {illegal}", log);

    private SagaDrive ToEnd(NodeEnd[] ends)
    {
        using IEnumerator<NodeEnd> script = ends.AsEnumerable().GetEnumerator();
        TakeTurn();
        while (_progress.End is null && _underWay.Count > 0)
        {
            NodeEnd end;
            do
            {
                end = script.MoveNext() ? script.Current : default;
                EndOne(end);
            }
            while (end.WithNext && _underWay.Count > 0);

            TakeTurn();
        }

        return this;
    }

    private void Cancel(int at)
    {
        _progress.Cancel(mayStayOpen: node => !_progress.Shape.HasUndo(node));
        CancelledAt = at;
    }

    private void EndOne(NodeEnd end)
    {
        (int node, bool undo) = _underWay[end.Pick % _underWay.Count];
        _underWay.Remove((node, undo));
        _ended++;
        NodeEventType type = (undo, end.Fails) switch
        {
            (false, false) => NodeEventType.Succeeded,
            (false, true) => NodeEventType.Failed,
            (true, false) => NodeEventType.UndoFinished,
            (true, true) => NodeEventType.UndoFailed,
        };
        var nodeEvent = new SavedNodeEvent(node, type, default);
        _progress.Record(nodeEvent);
        Log.Add(nodeEvent);
    }

    private void TakeTurn()
    {
        if (_ended >= _cancelAfter && CancelledAt is null)
        {
            Cancel(Log.Count);
        }

        NextSteps turn = _progress.Next();
        Log.AddRange(turn.Events);
        Acted.AddRange(turn.Actions);
        Undone.AddRange(turn.Undos);
        _underWay.AddRange(turn.Actions.Select(node => (node, false)));
        _underWay.AddRange(turn.Undos.Select(node => (node, true)));
        if (_progress.End is not null && _underWay.Count > 0)
        {
            throw new BrokenLawException("the saga is at its end while a node is under way", Log);
        }
    }
}

/// <summary>A law of the saga log does not hold.</summary>
internal sealed class BrokenLawException(string law, IEnumerable<SavedNodeEvent> log)
    : Exception($"{law}; the log: {string.Join(", ", log.Select(nodeEvent => $"{nodeEvent.NodeId} {nodeEvent.Type}"))}");
