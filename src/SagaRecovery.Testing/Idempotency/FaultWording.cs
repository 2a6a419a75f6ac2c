using System.Text;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>Faults in words, with the names of the nodes. Immutable.</summary>
internal sealed class FaultWording(SagaShape shape)
{
    public IdempotencyFault ActionNotIdempotent(Trial trial, int node, IReadOnlyList<string> evidence) => New(
        IdempotencyFaultKind.ActionNotIdempotent, trial, [node], $"action '{Name(node)}' is not idempotent: run twice, it does not come to the same", evidence);

    public IdempotencyFault UndoNotIdempotent(Trial trial, int node, IReadOnlyList<string> evidence) => New(
        IdempotencyFaultKind.UndoNotIdempotent, trial, [node], $"undo of '{Name(node)}' is not idempotent: run twice, it does not come to the same", evidence);

    public IdempotencyFault LeftBehind(Leftover leftover)
    {
        string whose = leftover.Suspects is [var one]
            ? shape.HasUndo(one) ? $"undo of '{Name(one)}' does not take back all that its action did" : $"'{Name(one)}' has no undo, and is not without effect"
            : $"after the undos the state is not as before, through one of {string.Join(", ", leftover.Suspects.Select(node => $"'{Name(node)}'"))}";
        return New(IdempotencyFaultKind.LeftBehind, leftover.Seen.Trial, leftover.Suspects, whose, leftover.Lines);
    }

    /// <summary>A run that ended otherwise than by what was put in its way.</summary>
    public IdempotencyFault Unexpected(TrialOutcome.Ended run)
    {
        (IdempotencyFaultKind kind, int[] nodes) = run.Result switch
        {
            SagaResult.Unwound unwound => (IdempotencyFaultKind.ActionFailed, [IdOf(unwound.FailedNode)]),
            SagaResult.Stuck stuck => (IdempotencyFaultKind.UndoFailed, [IdOf(stuck.Node)]),
            _ => UnderWay(run.Log) is { Undos.Length: > 0 } underWay
                ? (IdempotencyFaultKind.UndoFailed, underWay.Undos)
                : (IdempotencyFaultKind.ActionFailed, UnderWay(run.Log).Actions),
        };
        string what = kind == IdempotencyFaultKind.UndoFailed ? "undo of" : "action";
        return New(kind, run.Trial, nodes, $"{what} {Names(nodes)} failed, though no such failure was put in", [Describe(run.Result)]);
    }

    public IdempotencyFault TimedOut(TrialOutcome.TimedOut run)
    {
        (int[] actions, int[] undos) = UnderWay(run.Log);
        actions = [.. actions.Where(node => node != run.Trial.Fails)]; // waits for the others, and so does not hang itself
        string what = actions.Length > 0 ? $"action {Names(actions)}" : undos.Length > 0 ? $"undo of {Names(undos)}" : run.Step;
        return New(IdempotencyFaultKind.TimedOut, run.Trial, [.. actions, .. undos], $"{what} had not ended by the deadline", []);
    }

    public IdempotencyFault StateVaries(Trial trial, IReadOnlyList<string> evidence) => New(
        IdempotencyFaultKind.StateVaries,
        trial,
        [],
        "two runs that did the same ended in different states. If State reads times or serial numbers, leave them out; "
            + "if not, an action makes something else each time, such as an id of its own in place of its idempotency key",
        evidence);

    public IdempotencyFault StateVariedAtOnce(TrialOutcome.StateVaried run) => New(
        IdempotencyFaultKind.StateVaries, run.Trial, [], "State returned something else at once, before the saga was begun: it is not deterministic", run.Difference);

    public IdempotencyFault ResetIncomplete(Trial trial, IReadOnlyList<string> difference) => New(
        IdempotencyFaultKind.ResetIncomplete,
        trial,
        [],
        "the state before this run is not what it was before the first: Reset leaves something, or State reads what differs each time",
        difference);

    /// <summary>Where two runs that did the same differ first: a pointer to who made the difference.</summary>
    public IEnumerable<string> OutputsThatDiffer(IReadOnlyList<SavedNodeEvent> first, IReadOnlyList<SavedNodeEvent> second) =>
        from one in first
        join other in second on (one.NodeId, one.Type) equals (other.NodeId, other.Type)
        where one.Type == NodeEventType.Succeeded && !one.Data.Span.SequenceEqual(other.Data.Span)
        orderby one.NodeId
        select $"'{Name(one.NodeId)}' returned {Encoding.UTF8.GetString(one.Data.Span)}, then {Encoding.UTF8.GetString(other.Data.Span)}";

    /// <summary>What came of a run, in a line.</summary>
    public static string Describe(SagaResult result) => result switch
    {
        SagaResult.Unwound unwound => $"action '{unwound.FailedNode}' failed: {unwound.Error}",
        SagaResult.Stuck stuck => $"undo of '{stuck.Node}' failed: {stuck.Error}",
        SagaResult.Interrupted interrupted => interrupted.Reason,
        _ => "the saga succeeded",
    };

    private IdempotencyFault New(
        IdempotencyFaultKind kind, Trial trial, IEnumerable<int> nodes, string message, IReadOnlyList<string> evidence) => new()
    {
        Kind = kind,
        Nodes = [.. nodes.Select(Name)],
        Message = message,
        Run = trial.Describe(shape),
        Evidence = evidence,
    };

    private string Name(int node) => shape.NameOf(node);

    private string Names(IEnumerable<int> nodes) => string.Join(" and ", nodes.Select(node => $"'{Name(node)}'"));

    private int IdOf(string name) => Enumerable.Range(0, shape.Count).Single(node => Name(node) == name);

    private static (int[] Actions, int[] Undos) UnderWay(IReadOnlyList<SavedNodeEvent> log)
    {
        return (Lacking(NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.Failed),
            Lacking(NodeEventType.UndoStarted, NodeEventType.UndoFinished, NodeEventType.UndoFailed));

        int[] Lacking(NodeEventType begun, NodeEventType good, NodeEventType bad) =>
        [
            .. NodesWith(begun).Except(NodesWith(good)).Except(NodesWith(bad)).Order(),
        ];

        IEnumerable<int> NodesWith(NodeEventType type) => log.Where(nodeEvent => nodeEvent.Type == type).Select(nodeEvent => nodeEvent.NodeId);
    }
}
