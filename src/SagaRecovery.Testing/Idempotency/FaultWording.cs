using System.Text;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>Creates faults with messages that name the nodes. Immutable.</summary>
internal sealed class FaultWording(SagaShape shape)
{
    public IdempotencyFault ActionNotIdempotent(Trial trial, int node, IReadOnlyList<string> evidence) => New(
        IdempotencyFaultKind.ActionNotIdempotent, trial, [node], $"action '{Name(node)}' is not idempotent: running it twice changes the result", evidence);

    public IdempotencyFault UndoNotIdempotent(Trial trial, int node, IReadOnlyList<string> evidence) => New(
        IdempotencyFaultKind.UndoNotIdempotent, trial, [node], $"undo of '{Name(node)}' is not idempotent: running it twice changes the result", evidence);

    public IdempotencyFault LeftBehind(Leftover leftover)
    {
        string message = leftover.Suspects is [var one]
            ? shape.HasUndo(one)
                ? $"undo of '{Name(one)}' does not reverse all effects of its action"
                : $"'{Name(one)}' has no undo, but its action has an effect"
            : $"the undos do not restore the state; the cause is one of {string.Join(", ", leftover.Suspects.Select(node => $"'{Name(node)}'"))}";
        return New(IdempotencyFaultKind.LeftBehind, leftover.Seen.Trial, leftover.Suspects, message, leftover.Lines);
    }

    /// <summary>Creates the fault of an undo that does not bear an uncertain failure of its action.</summary>
    public IdempotencyFault UndoAfterFailure(Trial trial, int node, IReadOnlyList<string> evidence) => New(
        IdempotencyFaultKind.UndoAfterFailure,
        trial,
        [node],
        $"the undo of '{Name(node)}' does not bear that its action {(trial.Failure == FailureKind.UncertainAfterEffect ? "took effect and failed" : "failed without an effect")}",
        evidence);

    /// <summary>Creates the fault of a run that failed at another place than the injected failure.</summary>
    public IdempotencyFault Unexpected(TrialOutcome.Ended run)
    {
        (IdempotencyFaultKind kind, int[] nodes) = run.Result switch
        {
            SagaResult.Unwound unwound => (IdempotencyFaultKind.ActionFailed, [IdOf(unwound.FailedNode)]),
            SagaResult.Stuck stuck => (IdempotencyFaultKind.UndoFailed, [IdOf(stuck.Node)]),
            _ => InFlight(run.Log) is { Undos.Length: > 0 } inFlight
                ? (IdempotencyFaultKind.UndoFailed, inFlight.Undos)
                : (IdempotencyFaultKind.ActionFailed, InFlight(run.Log).Actions),
        };
        string what = kind == IdempotencyFaultKind.UndoFailed ? "undo of" : "action";
        return New(kind, run.Trial, nodes, $"{what} {Names(nodes)} failed, but no failure was injected there", [Describe(run.Result)]);
    }

    public IdempotencyFault TimedOut(TrialOutcome.TimedOut run)
    {
        (int[] actions, int[] undos) = InFlight(run.Log);
        actions = [.. actions.Where(node => node != run.Trial.Fails)]; // the failing node waits for the other branches: it is not what hangs
        string what = actions.Length > 0 ? $"action {Names(actions)}" : undos.Length > 0 ? $"undo of {Names(undos)}" : run.Step;
        return New(IdempotencyFaultKind.TimedOut, run.Trial, [.. actions, .. undos], $"{what} did not finish by the deadline", []);
    }

    public IdempotencyFault StateVaries(Trial trial, IReadOnlyList<string> evidence) => New(
        IdempotencyFaultKind.StateVaries,
        trial,
        [],
        "two identical runs ended in different states. If State reads timestamps or sequence numbers, leave them out. "
            + "Otherwise an action creates something different each time, for example with a new id instead of its idempotency key",
        evidence);

    public IdempotencyFault StateVariedAtOnce(TrialOutcome.StateVaried run) => New(
        IdempotencyFaultKind.StateVaries, run.Trial, [],
            "State returned different lines in two consecutive reads before the saga started: it is not deterministic", run.Difference);

    public IdempotencyFault ResetIncomplete(Trial trial, IReadOnlyList<string> difference) => New(
        IdempotencyFaultKind.ResetIncomplete,
        trial,
        [],
        "the state before this run differs from the state before the first run: Reset is incomplete, or State reads values that vary",
        difference);

    /// <summary>Returns the outputs that differ between two identical runs, as a hint at the node that causes the difference.</summary>
    public IEnumerable<string> OutputsThatDiffer(IReadOnlyList<SavedNodeEvent> first, IReadOnlyList<SavedNodeEvent> second) =>
        from one in first
        join other in second on (one.NodeId, one.Type) equals (other.NodeId, other.Type)
        where one.Type == NodeEventType.Succeeded && !one.Data.Span.SequenceEqual(other.Data.Span)
        orderby one.NodeId
        select $"'{Name(one.NodeId)}' returned {Encoding.UTF8.GetString(one.Data.Span)}, then {Encoding.UTF8.GetString(other.Data.Span)}";

    /// <summary>Returns a one-line description of a result.</summary>
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

    private static (int[] Actions, int[] Undos) InFlight(IReadOnlyList<SavedNodeEvent> log)
    {
        return (Unfinished(NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.Failed),
            Unfinished(NodeEventType.UndoStarted, NodeEventType.UndoFinished, NodeEventType.UndoFailed));

        int[] Unfinished(NodeEventType started, NodeEventType succeeded, NodeEventType failed) =>
        [
            .. NodesWith(started).Except(NodesWith(succeeded)).Except(NodesWith(failed)).Order(),
        ];

        IEnumerable<int> NodesWith(NodeEventType type) => log.Where(nodeEvent => nodeEvent.Type == type).Select(nodeEvent => nodeEvent.NodeId);
    }
}
