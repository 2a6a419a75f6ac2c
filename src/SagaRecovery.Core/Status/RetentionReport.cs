namespace SagaRecovery.Status;

/// <summary>The state of retention in this process.</summary>
/// <param name="Policy">The configured times in words, such as <c>succeeded after 30d, unwound after 90d</c>; null if retention is off.</param>
public sealed record RetentionReport(string? Policy)
{
    /// <summary>A value indicating whether sagas are exported before they are deleted.</summary>
    public bool Archives { get; init; }

    /// <summary>The estimated number of ended sagas in the whole store; null if it is not known.</summary>
    public long? EndedAbout { get; init; }

    /// <summary>The time at which the oldest saga of any state was inserted; null if it is not known.</summary>
    public DateTimeOffset? Oldest { get; init; }

    /// <summary>The last run of this process; null if none has ended.</summary>
    public RetentionRun? LastRun { get; init; }

    /// <summary>The time at which the present run began; null if none is under way.</summary>
    public DateTimeOffset? RunningSince { get; init; }

    /// <summary>The time of the next run; null if none is planned.</summary>
    public DateTimeOffset? NextRun { get; init; }

    /// <summary>The number of failed runs in a row.</summary>
    public int FailedInARow { get; init; }

    /// <summary>The number of sagas that this process has deleted since it started.</summary>
    public long Deleted { get; init; }

    /// <summary>The number of sagas that this process has exported since it started.</summary>
    public long Archived { get; init; }

    /// <summary>Returns this report updated with a run that has ended.</summary>
    /// <param name="run">The run.</param>
    public RetentionReport After(RetentionRun run) => this with
    {
        LastRun = run,
        RunningSince = null,
        FailedInARow = run.Error is null ? 0 : FailedInARow + 1,
        Deleted = Deleted + run.Deleted,
        Archived = Archived + run.Archived,
    };
}

/// <summary>One run of retention.</summary>
/// <param name="StartedAt">The time at which the run began.</param>
/// <param name="Duration">The duration of the run.</param>
public sealed record RetentionRun(DateTimeOffset StartedAt, TimeSpan Duration)
{
    /// <summary>A value indicating whether the run stopped because another process was deleting.</summary>
    public bool Elsewhere { get; init; }

    /// <summary>The number of expired sagas that the run found.</summary>
    public long Found { get; init; }

    /// <summary>The number of sagas that the archive confirmed.</summary>
    public long Archived { get; init; }

    /// <summary>The number of deleted sagas.</summary>
    public long Deleted { get; init; }

    /// <summary>The number of deleted definitions.</summary>
    public long Definitions { get; init; }

    /// <summary>The number of deleted operator actions.</summary>
    public long Actions { get; init; }

    /// <summary>The number of deleted coordinators.</summary>
    public long Coordinators { get; init; }

    /// <summary>The error with which the run ended; null if it was complete.</summary>
    public string? Error { get; init; }
}
