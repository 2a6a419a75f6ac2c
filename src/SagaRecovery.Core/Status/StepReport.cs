namespace SagaRecovery.Status;

/// <summary>The steps of this process that are retried, and those that do not end, at one moment. Immutable.</summary>
/// <param name="At">The time of the check.</param>
public sealed record StepReport(DateTimeOffset At)
{
    /// <summary>The steps that are being retried, at most <see cref="RecoveryReport.HistoryLength"/>: overdue ones first, then the oldest.</summary>
    public IReadOnlyList<SagaStep> Retrying { get; init; } = [];

    /// <summary>The number of all steps that are being retried.</summary>
    public int RetryingCount { get; init; }

    /// <summary>The number of steps that have been retried for longer than the stalled threshold of their definition.</summary>
    public int OverdueCount { get; init; }

    /// <summary>
    /// The steps whose attempt has not ended for longer than the stalled threshold of their definition, the oldest first, at most
    /// <see cref="RecoveryReport.HistoryLength"/>.
    /// </summary>
    public IReadOnlyList<SagaStep> Hanging { get; init; } = [];

    /// <summary>The number of all steps whose attempt has not ended for that long.</summary>
    public int HangingCount { get; init; }
}

/// <summary>A step in progress, with its saga.</summary>
/// <param name="SagaId">The id of the saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="Step">The step.</param>
/// <param name="IsOverdue"><see langword="true"/> if the step began longer ago than the stalled threshold of its definition.</param>
public sealed record SagaStep(SagaId SagaId, string Name, StepInProgress Step, bool IsOverdue);
