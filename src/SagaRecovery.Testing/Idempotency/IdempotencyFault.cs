using System.Text;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>What kind of fault an <see cref="IdempotencyCheck{TParameters}"/> found.</summary>
public enum IdempotencyFaultKind
{
    /// <summary>An action that is run twice does not come to the same as run once, or fails.</summary>
    ActionNotIdempotent,

    /// <summary>An undo that is run twice does not come to the same as run once, or fails.</summary>
    UndoNotIdempotent,

    /// <summary>After everything was undone, the world is not as it was before the saga.</summary>
    LeftBehind,

    /// <summary>An action failed, though no failure was put in.</summary>
    ActionFailed,

    /// <summary>An undo failed when it was run for the first time: the saga is stuck.</summary>
    UndoFailed,

    /// <summary>Something had not ended by the deadline. The check ends there.</summary>
    TimedOut,

    /// <summary>
    /// The state differs between two runs that did the same, or between two looks at it. In the latter case the check ends there; else
    /// it goes on, and compares what is the same each time, and the number of lines.
    /// </summary>
    StateVaries,

    /// <summary>The state before a run is not what it was before the first. The check ends there.</summary>
    ResetIncomplete,
}

/// <summary>One fault of a saga, or of the callbacks of the check. Immutable.</summary>
public sealed record IdempotencyFault
{
    /// <summary>What kind of fault it is.</summary>
    public required IdempotencyFaultKind Kind { get; init; }

    /// <summary>
    /// The node whose action or undo is at fault. Several: one of these, no run tells them apart. Empty: none, but the check's callbacks.
    /// </summary>
    public required IReadOnlyList<string> Nodes { get; init; }

    /// <summary>What is wrong, as a sentence that names the nodes.</summary>
    public required string Message { get; init; }

    /// <summary>The run in which it was seen first, such as <c>the action of 'attach' ran twice</c>.</summary>
    public required string Run { get; init; }

    /// <summary>
    /// What shows it: errors, and lines of the state: <c>+ line</c> is there and should not be, <c>- line</c> is missing.
    /// </summary>
    public required IReadOnlyList<string> Evidence { get; init; }

    /// <summary>The message, the run and the evidence, on lines of their own.</summary>
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
