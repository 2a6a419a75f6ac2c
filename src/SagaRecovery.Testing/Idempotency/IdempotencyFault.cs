using System.Text;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>The kind of a fault that an <see cref="IdempotencyCheck{TParameters}"/> found.</summary>
public enum IdempotencyFaultKind
{
    /// <summary>Running an action twice changes the result or fails.</summary>
    ActionNotIdempotent,

    /// <summary>Running an undo twice changes the result or fails.</summary>
    UndoNotIdempotent,

    /// <summary>
    /// The undo of a node with <see cref="NodePolicy.UndoAfterFailure"/> does not restore the state after an action that failed without a
    /// definite answer.
    /// </summary>
    UndoAfterFailure,

    /// <summary>The state after all undos differs from the state before the saga.</summary>
    LeftBehind,

    /// <summary>An action failed without an injected failure.</summary>
    ActionFailed,

    /// <summary>An undo failed without being repeated, so the saga is stuck.</summary>
    UndoFailed,

    /// <summary>A run did not finish by the deadline. The check stops.</summary>
    TimedOut,

    /// <summary>
    /// The state differs between two identical runs, or between two consecutive reads. In the first case the check continues and compares
    /// only the common lines and the number of lines. In the second case it stops.
    /// </summary>
    StateVaries,

    /// <summary>The state before a run differs from the state before the first run. The check stops.</summary>
    ResetIncomplete,
}

/// <summary>A fault of a saga or of the callbacks of the check. Immutable.</summary>
public sealed record IdempotencyFault
{
    /// <summary>The kind of the fault.</summary>
    public required IdempotencyFaultKind Kind { get; init; }

    /// <summary>The node that causes the fault.</summary>
    /// <value>
    /// Several nodes if no run distinguishes between them. Empty if the callbacks of the check cause the fault, or the node is unknown.
    /// </value>
    public required IReadOnlyList<string> Nodes { get; init; }

    /// <summary>The description of the fault, with the names of the nodes.</summary>
    public required string Message { get; init; }

    /// <summary>The first run that showed the fault, such as <c>the action of 'attach' ran twice</c>.</summary>
    public required string Run { get; init; }

    /// <summary>The evidence: errors, unexpected lines of the state (<c>+ line</c>) and missing lines (<c>- line</c>).</summary>
    public required IReadOnlyList<string> Evidence { get; init; }

    /// <summary>Returns the message, the run and the evidence as several lines of text.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Message).Append("\n  seen when ").Append(Run);
        foreach (string line in Evidence)
        {
            text.Append("\n    ").Append(line);
        }

        return text.ToString();
    }
}
