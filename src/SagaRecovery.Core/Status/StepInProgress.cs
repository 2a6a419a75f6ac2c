using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.Status;

/// <summary>An action or undo that has begun in this process and has not ended. Immutable.</summary>
/// <param name="Node">The name of its node.</param>
/// <param name="IsUndo"><see langword="true"/> for the undo of the node; <see langword="false"/> for its action.</param>
/// <param name="Attempt">The number of the attempt that runs or ran last, from 1. A new process begins a new count.</param>
/// <param name="Since">The time at which the step began in this process.</param>
public sealed record StepInProgress(string Node, bool IsUndo, int Attempt, DateTimeOffset Since)
{
    /// <summary>The time at which the running attempt began; null between two attempts.</summary>
    public DateTimeOffset? AttemptSince { get; init; }

    /// <summary>The error of the last attempt that failed; null if none has failed.</summary>
    public string? LastError { get; init; }

    /// <summary>The time of the next attempt; null while an attempt runs, or if the time is not known.</summary>
    public DateTimeOffset? NextAttempt { get; init; }

    /// <summary>A value indicating whether an attempt has failed, so that the step is being retried.</summary>
    public bool IsRetrying => LastError is not null;

    /// <summary>Describes the step for an operator: <c>action of pay, attempt 3 in 20s; last error: TimeoutException: …</c></summary>
    /// <param name="now">The current time, from which durations are computed.</param>
    /// <returns>A single line that is safe to print.</returns>
    public string Describe(DateTimeOffset now)
    {
        string step = $"{(IsUndo ? "undo" : "action")} of {OneLine(Node)}";
        string attempt = this switch
        {
            { AttemptSince: { } since } => $"attempt {Attempt} running for {Duration(now - since)}",
            { NextAttempt: { } next } when next > now => $"attempt {Attempt} failed, the next in {Duration(next - now)}",
            { LastError: not null } => $"attempt {Attempt} failed, the next is due",
            _ => $"attempt {Attempt} beginning",
        };
        return LastError is null ? $"{step}, {attempt}" : $"{step}, {attempt}; last error: {OneLine(LastError)}";
    }
}
