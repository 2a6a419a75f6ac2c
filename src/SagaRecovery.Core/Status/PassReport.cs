namespace SagaRecovery.Status;

/// <summary>What asked for a pass. Where several did, the one that stands last here is named.</summary>
public enum PassReason
{
    /// <summary>A start was withdrawn: its row may have landed all the same, if the answer to its insert was lost.</summary>
    WithdrawnStart,

    /// <summary>The executor gave a run up: its saga has to be recovered.</summary>
    InterruptedRun,

    /// <summary>The period had gone by.</summary>
    Periodic,

    /// <summary>The pass before it failed.</summary>
    Retry,

    /// <summary>Sagas that are backing off had become due.</summary>
    Due,

    /// <summary>A probation had ended: the next sagas may be handed over, or the last ones are past suspicion.</summary>
    Probation,

    /// <summary>Too many starts had not been read.</summary>
    UnreadStarts,

    /// <summary>The store said that there is something new: sagas were assigned to this coordinator or taken from it, or a lever was pulled.</summary>
    Hint,

    /// <summary>The process had just started.</summary>
    Startup,

    /// <summary>An operator pulled a lever that lets sagas go on.</summary>
    OperatorAction,

    /// <summary>An activation of the trigger; it tries sagas that are backing off at once.</summary>
    Explicit,
}

/// <summary>How a pass ended.</summary>
public enum PassResult
{
    /// <summary>Every saga was accounted for, and none failed.</summary>
    Completed,

    /// <summary>Every saga was accounted for, and some failed.</summary>
    CompletedWithFailures,

    /// <summary>Shutdown came before every saga was attempted.</summary>
    CutShort,

    /// <summary>The pass itself failed: it could not list or load.</summary>
    Failed,
}

/// <summary>Which pass, why, and since when.</summary>
/// <param name="Iteration">1 for the first pass of this process.</param>
/// <param name="Reason">What asked for it.</param>
/// <param name="StartedAt">When it was opened.</param>
public sealed record PassStart(long Iteration, PassReason Reason, DateTimeOffset StartedAt);

/// <summary>
/// What one pass did with every saga. <see cref="Found"/> = <see cref="Recovered"/> + <see cref="Failed"/> + <see cref="Skipped"/> +
/// <see cref="UnknownDefinition"/> + <see cref="Abandoned"/> + <see cref="Superseded"/> + <see cref="NotAttempted"/> + <see cref="BackingOff"/> +
/// <see cref="Held"/> + <see cref="Paused"/> + <see cref="Deferred"/> + <see cref="Unreadable"/>.
/// </summary>
/// <param name="Start">Which pass this was.</param>
public sealed record PassReport(PassStart Start)
{
    /// <summary>From opening to completion.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>How it ended.</summary>
    public PassResult Result { get; init; }

    /// <summary>Why it failed; null unless <see cref="PassResult.Failed"/>.</summary>
    public string? Error { get; init; }

    /// <summary>Sagas listed: in progress, and owned by this coordinator.</summary>
    public int Found { get; init; }

    /// <summary>Sagas that the executor took on.</summary>
    public int Recovered { get; init; }

    /// <summary>Sagas whose hand-over failed; they back off.</summary>
    public int Failed { get; init; }

    /// <summary>Sagas that were running here already.</summary>
    public int Skipped { get; init; }

    /// <summary>Sagas whose definition this binary lacks.</summary>
    public int UnknownDefinition { get; init; }

    /// <summary>Sagas set aside because they are proven corrupt.</summary>
    public int Abandoned { get; init; }

    /// <summary>Sagas whose state, owner or generation changed between listing and loading.</summary>
    public int Superseded { get; init; }

    /// <summary>Sagas that a pass which was cut short or failed did not come to.</summary>
    public int NotAttempted { get; init; }

    /// <summary>Sagas not tried, because they failed before and are not due.</summary>
    public int BackingOff { get; init; }

    /// <summary>Sagas not tried, because an operator holds them.</summary>
    public int Held { get; init; }

    /// <summary>Sagas not tried, because recovery is paused.</summary>
    public int Paused { get; init; }

    /// <summary>Sagas not tried after a crash, because others have to outlive their probation first.</summary>
    public int Deferred { get; init; }

    /// <summary>Sagas whose row could not be read.</summary>
    public int Unreadable { get; init; }

    /// <summary>Of the sagas handed over, those that had left and come back while this process ran them.</summary>
    public int Readopted { get; init; }

    /// <summary>Of the sagas to be handed over by a periodic pass, those that were assigned to this coordinator: a hint should have told of them.</summary>
    public int MissedHints { get; init; }

    /// <summary>Tracked sagas that were not listed and may be too new to be.</summary>
    public int Starting { get; init; }

    /// <summary>Tracked sagas that were not listed: finished, or no longer ours.</summary>
    public int Removed { get; init; }

    /// <summary>Of the removed, those that the executor was still running: they had been taken away.</summary>
    public int TakenAway { get; init; }

    /// <summary>Tracked sagas whose rows the database has lost in a fail-over or restore. None of them counts as removed.</summary>
    public int Lost { get; init; }

    /// <summary>Of the sagas to be recovered, those that had ended here: the database has lost their end.</summary>
    public int EndsLost { get; init; }

    /// <summary>Announcements read by this pass.</summary>
    public int ObservedStarts { get; init; }

    /// <summary>Runs that the executor gave up on; recovered by a pass like any other.</summary>
    public int Interrupted { get; init; }

    /// <summary>Sagas whose row was inserted before they were announced.</summary>
    public int ProtocolViolations { get; init; }

    /// <summary>The last of the recovered sagas, at most <see cref="RecoveryReport.HistoryLength"/>.</summary>
    public IReadOnlyList<RecoveredSaga> RecoveredSagas { get; init; } = [];

    /// <summary>The last of the failed and abandoned sagas, at most <see cref="RecoveryReport.HistoryLength"/>.</summary>
    public IReadOnlyList<FailedSaga> FailedSagas { get; init; } = [];

    /// <summary>For how long nobody had run each recovered saga.</summary>
    public DurationHistogram TimeToRecover { get; init; } = DurationHistogram.Empty;
}

/// <summary>A saga that was recovered.</summary>
/// <param name="Time">When the executor had taken it on.</param>
/// <param name="SagaId">Which saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="Idle">For how long nobody had run it, as far as this process can tell.</param>
public sealed record RecoveredSaga(DateTimeOffset Time, SagaId SagaId, string Name, TimeSpan Idle);

/// <summary>A saga whose recovery failed.</summary>
/// <param name="Time">When it failed.</param>
/// <param name="SagaId">Which saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="Message">What happened.</param>
public sealed record FailedSaga(DateTimeOffset Time, SagaId SagaId, string Name, string Message);

/// <summary>Why a saga in progress and ours is not running here.</summary>
public enum WaitingKind
{
    /// <summary>Its hand-over failed, or its run was given up: it backs off.</summary>
    BackingOff,

    /// <summary>This binary lacks its definition or version.</summary>
    UnknownDefinition,

    /// <summary>Its row could not be read.</summary>
    Unreadable,
}

/// <summary>A saga in progress and ours that is not running here, although a pass has come to it.</summary>
/// <param name="SagaId">Which saga.</param>
/// <param name="Name">The name of its definition; empty where it is not known yet.</param>
/// <param name="Kind">Why, in a word.</param>
/// <param name="Since">Since when nobody has run it, as far as this process can tell.</param>
/// <param name="Failures">Failures in a row.</param>
/// <param name="NextTry">From when on it is tried again; null: at every pass.</param>
/// <param name="Why">The last error, or what is missing.</param>
public sealed record WaitingSaga(
    SagaId SagaId, string Name, WaitingKind Kind, DateTimeOffset Since, int Failures, DateTimeOffset? NextTry, string Why);
