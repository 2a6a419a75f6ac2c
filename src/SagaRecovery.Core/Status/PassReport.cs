namespace SagaRecovery.Status;

/// <summary>The trigger of a pass. If a pass has several triggers, the one with the highest value is reported.</summary>
public enum PassReason
{
    /// <summary>A start was withdrawn. Its row may exist nevertheless, if the response to its insert was lost.</summary>
    WithdrawnStart,

    /// <summary>The executor reported a run as interrupted, so its saga must be recovered.</summary>
    InterruptedRun,

    /// <summary>The period elapsed.</summary>
    Periodic,

    /// <summary>The previous pass failed.</summary>
    Retry,

    /// <summary>Sagas in backoff became due.</summary>
    Due,

    /// <summary>A probation ended, so the next sagas may be resumed, or the last suspects are cleared.</summary>
    Probation,

    /// <summary>Too many starts were unread.</summary>
    UnreadStarts,

    /// <summary>No heartbeat was written for two periods. The pass shows whether the store can be reached: an idle process has no other one due.</summary>
    LateHeartbeat,

    /// <summary>The store sent a hint: it assigned sagas to this coordinator, reassigned some of its sagas, or recorded an operator action.</summary>
    Hint,

    /// <summary>The process started.</summary>
    Startup,

    /// <summary>An operator action allows sagas to resume.</summary>
    OperatorAction,

    /// <summary>The trigger was activated. Such a pass also retries sagas that are not yet due.</summary>
    Explicit,
}

/// <summary>The result of a pass.</summary>
public enum PassResult
{
    /// <summary>Every saga was accounted for, and none failed.</summary>
    Completed,

    /// <summary>Every saga was accounted for, and some failed.</summary>
    CompletedWithFailures,

    /// <summary>The process shut down before every saga was attempted.</summary>
    CutShort,

    /// <summary>The pass itself failed because it could not list or load sagas.</summary>
    Failed,
}

/// <summary>The start of a pass.</summary>
/// <param name="Iteration">The number of the pass, from 1 for the first pass of this process.</param>
/// <param name="Reason">The trigger of the pass.</param>
/// <param name="StartedAt">The time at which the pass was opened.</param>
public sealed record PassStart(long Iteration, PassReason Reason, DateTimeOffset StartedAt);

/// <summary>The account of one pass: the number of sagas by outcome. Immutable.</summary>
/// <remarks>
/// <see cref="Found"/> = <see cref="Recovered"/> + <see cref="Failed"/> + <see cref="Skipped"/> +
/// <see cref="UnknownDefinition"/> + <see cref="Abandoned"/> + <see cref="Superseded"/> + <see cref="NotAttempted"/> + <see cref="BackingOff"/> +
/// <see cref="Held"/> + <see cref="Paused"/> + <see cref="Deferred"/> + <see cref="WaitingForSlot"/> + <see cref="Unreadable"/>.
/// </remarks>
/// <param name="Start">The start of the pass.</param>
public sealed record PassReport(PassStart Start)
{
    /// <summary>The time from opening to completion.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>The result of the pass.</summary>
    public PassResult Result { get; init; }

    /// <summary>The error that ended the pass; null unless the result is <see cref="PassResult.Failed"/>.</summary>
    public string? Error { get; init; }

    /// <summary>The number of sagas listed: in progress, and owned by this coordinator.</summary>
    public int Found { get; init; }

    /// <summary>The number of sagas that the executor resumed.</summary>
    public int Recovered { get; init; }

    /// <summary>The number of sagas that failed to resume. They are retried after a backoff delay.</summary>
    public int Failed { get; init; }

    /// <summary>The number of sagas that were already running in this process, or queued in its executor.</summary>
    public int Skipped { get; init; }

    /// <summary>The number of sagas whose definition this binary lacks, including those that were not tried because they are not due.</summary>
    public int UnknownDefinition { get; init; }

    /// <summary>The number of sagas abandoned because they are proven corrupt.</summary>
    public int Abandoned { get; init; }

    /// <summary>The number of sagas whose state, owner or generation changed between listing and loading.</summary>
    public int Superseded { get; init; }

    /// <summary>The number of sagas not attempted because the pass was cut short or failed.</summary>
    public int NotAttempted { get; init; }

    /// <summary>The number of sagas not attempted because they failed before and are not due.</summary>
    public int BackingOff { get; init; }

    /// <summary>The number of sagas not attempted because an operator holds them.</summary>
    public int Held { get; init; }

    /// <summary>The number of sagas not attempted because recovery is paused.</summary>
    public int Paused { get; init; }

    /// <summary>The number of sagas not attempted after a crash because other sagas must pass their probation first.</summary>
    public int Deferred { get; init; }

    /// <summary>The number of sagas that wait for a slot of the executor and are not loaded. Refills resume them between two passes.</summary>
    public int WaitingForSlot { get; init; }

    /// <summary>The number of sagas whose row could not be read.</summary>
    public int Unreadable { get; init; }

    /// <summary>The number of attempted sagas that had been reassigned and returned while this process ran them.</summary>
    public int Readopted { get; init; }

    /// <summary>The number of newly assigned sagas that a periodic pass found, although a hint should have announced them.</summary>
    public int MissedHints { get; init; }

    /// <summary>The number of tracked sagas that were not listed because they may be too new for the listing.</summary>
    public int Starting { get; init; }

    /// <summary>The number of tracked sagas that are no longer listed: finished, or reassigned.</summary>
    public int Removed { get; init; }

    /// <summary>The number of removed sagas that the executor was still running because they had been reassigned.</summary>
    public int Reassigned { get; init; }

    /// <summary>The number of sagas that are no longer listed, and about which the executor gave no answer. They stay tracked, and the next pass asks again.</summary>
    public int NotRelinquished { get; init; }

    /// <summary>The number of tracked sagas whose rows the database lost in a failover or restore. They do not count as removed.</summary>
    public int Lost { get; init; }

    /// <summary>The number of sagas to recover that had already ended in this process. The database lost their end.</summary>
    public int EndsLost { get; init; }

    /// <summary>The number of start announcements that this pass read.</summary>
    public int ObservedStarts { get; init; }

    /// <summary>The number of runs that the executor reported as interrupted. A pass recovers their sagas like any other.</summary>
    public int Interrupted { get; init; }

    /// <summary>The number of interrupted runs that failed: no operator had requested the stop.</summary>
    /// <remarks>The runs may be of sagas that this or an earlier pass recovered, or of sagas that this process started. <see cref="Failed"/> does not include them.</remarks>
    public int FailedRuns { get; init; }

    /// <summary>The number of failed runs of sagas that had been counted as recovered, by an earlier pass or a refill. They no longer count as recovered.</summary>
    public int TakenBack { get; init; }

    /// <summary>The number of sagas whose row was inserted before they were announced.</summary>
    public int ProtocolViolations { get; init; }

    /// <summary>The most recently recovered sagas, at most <see cref="RecoveryReport.HistoryLength"/>.</summary>
    public IReadOnlyList<RecoveredSaga> RecoveredSagas { get; init; } = [];

    /// <summary>The most recently failed and abandoned sagas and failed runs, at most <see cref="RecoveryReport.HistoryLength"/>.</summary>
    public IReadOnlyList<FailedSaga> FailedSagas { get; init; } = [];

    /// <summary>The sagas that no longer count as recovered.</summary>
    internal IReadOnlyList<SagaId> TakenBackSagas { get; init; } = [];

    /// <summary>The times for which the recovered sagas had not been running before they were recovered.</summary>
    public DurationHistogram TimeToRecover { get; init; } = DurationHistogram.Empty;
}

/// <summary>A saga that was recovered.</summary>
/// <param name="Time">The time at which the executor resumed it.</param>
/// <param name="SagaId">The id of the saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="Idle">The time for which it had not been running, as far as this process knows.</param>
public sealed record RecoveredSaga(DateTimeOffset Time, SagaId SagaId, string Name, TimeSpan Idle);

/// <summary>A saga whose recovery failed, or whose run was interrupted.</summary>
/// <param name="Time">The time of the failure.</param>
/// <param name="SagaId">The id of the saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="Message">The error message.</param>
public sealed record FailedSaga(DateTimeOffset Time, SagaId SagaId, string Name, string Message);

/// <summary>The reasons for which a saga that this coordinator owns is waiting to be recovered.</summary>
public enum WaitingKind
{
    /// <summary>It failed to resume or its run was interrupted. It is retried after a backoff delay.</summary>
    BackingOff,

    /// <summary>This binary lacks its definition or version.</summary>
    UnknownDefinition,

    /// <summary>Its row could not be read.</summary>
    Unreadable,
}

/// <summary>A saga in progress that this coordinator owns and does not run, although a pass has listed it.</summary>
/// <param name="SagaId">The id of the saga.</param>
/// <param name="Name">The name of its definition; empty if it is not known yet.</param>
/// <param name="Kind">The reason for which it waits.</param>
/// <param name="Since">The time since which it has not been running, as far as this process knows.</param>
/// <param name="Failures">The number of consecutive failures.</param>
/// <param name="NextTry">The earliest time of the next attempt; null if every pass attempts it.</param>
/// <param name="Reason">The last error, or the missing definition.</param>
public sealed record WaitingSaga(
    SagaId SagaId, string Name, WaitingKind Kind, DateTimeOffset Since, int Failures, DateTimeOffset? NextTry, string Reason);
