using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The cause for which a saga unwinds, has unwound or is stuck, and how far it is undone. Immutable.</summary>
/// <param name="Undone">The number of nodes that are undone, including those without an undo.</param>
/// <param name="ToUndo">The number of nodes that have to be undone, including those that are undone. It may rise while actions are in flight.</param>
/// <remarks>The log of a saga that another executor runs, or whose row cannot be read, may lack parts of the cause.</remarks>
public sealed record SagaUnwinding(int Undone, int ToUndo)
{
    /// <summary>The name of the node whose action failed first; null if the saga was cancelled, or if no failure is recorded.</summary>
    public string? Node { get; init; }

    /// <summary>The error of that action, as <c>code: message</c>; null if the saga was cancelled, or if no failure is recorded.</summary>
    public string? Error { get; init; }

    /// <summary>The actor that cancelled the saga, and the reason; null if it was not cancelled.</summary>
    public OperatorNote? CancelledBy { get; init; }

    /// <summary>The time of the failure or of the cancellation; null if it is not known.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Derives the progress from the row and the log of a saga.</summary>
    /// <returns>The progress, with the error as it was logged; null if the saga does not unwind.</returns>
    internal static SagaUnwinding? Of(SagaDetails saga)
    {
        if (saga.Summary.State is not (SagaState.Unwinding or SagaState.Unwound or SagaState.Stuck))
        {
            return null;
        }

        var progress = new SagaUnwinding(
            saga.Events.Where(one => one.Type is NodeEventType.UndoFinished).Select(one => one.NodeId).Distinct().Count(),
            saga.Events.Where(HasToBeUndone).Select(one => one.NodeId).Distinct().Count());
        if (saga.Cancellation is { } cancellation)
        {
            return progress with { CancelledBy = cancellation.Note, Since = cancellation.At };
        }

        // A later failure of a parallel branch is no cause: the saga unwound already.
        if (saga.Events.Where(one => one.Type is NodeEventType.Failed).MinBy(one => one.Time) is { } failed)
        {
            return progress with { Node = failed.Node, Error = StuckSagaRules.ErrorOf(failed), Since = failed.Time };
        }

        // The summary of a stuck saga has the undo that failed.
        return saga.Summary.State is SagaState.Stuck ? progress : progress with { Node = saga.Summary.FailedNode, Error = saga.Summary.ErrorCode };
    }

    /// <summary>Returns true for an event after which its node is undone once the saga unwinds.</summary>
    private static bool HasToBeUndone(LoggedEvent one) =>
        one.Type is NodeEventType.Succeeded or NodeEventType.UndoStarted or NodeEventType.UndoFinished or NodeEventType.UndoFailed
        || (one.Type is NodeEventType.Failed && StuckSagaRules.IsUncertain(one));
}
