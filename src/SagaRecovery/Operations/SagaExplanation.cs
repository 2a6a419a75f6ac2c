using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The status of a saga from the view of one process.</summary>
public enum SagaVerdict
{
    /// <summary>No saga has this id, in this process or in the store.</summary>
    Unknown,

    /// <summary>This process is starting the saga.</summary>
    Starting,

    /// <summary>The saga runs in this process.</summary>
    RunningHere,

    /// <summary>The saga runs in this process at an outdated generation. The next pass corrects that.</summary>
    OutOfDate,

    /// <summary>The saga failed to resume, and recovery retries it later.</summary>
    BackingOff,

    /// <summary>This binary lacks the definition of the saga, or its version.</summary>
    UnknownDefinition,

    /// <summary>The row of the saga cannot be read.</summary>
    Unreadable,

    /// <summary>The saga is held: recovery does not resume it until it is released.</summary>
    Held,

    /// <summary>Recovery of the owner is paused.</summary>
    Paused,

    /// <summary>The saga is a suspect after a crash. Other sagas must pass their probation first.</summary>
    Deferred,

    /// <summary>No process runs the saga, and no pass has reached it. The next pass resumes it, lets it wait for a slot, or defers it after a crash.</summary>
    ToBeRecovered,

    /// <summary>This process is fenced: a newer one runs under its coordinator id.</summary>
    Fenced,

    /// <summary>The saga is unowned, or another coordinator owns it.</summary>
    NotOwned,

    /// <summary>The saga has finished: it succeeded or was unwound.</summary>
    Finished,

    /// <summary>The saga has ended, because an undo failed. An operator retries or skips the undo.</summary>
    Stuck,

    /// <summary>The saga was abandoned.</summary>
    Abandoned,

    /// <summary>The saga waits for a slot in this process. The executor has accepted it, or recovery will load it when its turn comes.</summary>
    WaitingForSlot,

    /// <summary>This process has accepted the saga, and its run waits until the previous run of the same saga has ended.</summary>
    WaitingForPreviousRun,

    /// <summary>The saga unwinds in this process: an action failed or it was cancelled, and its nodes are being undone.</summary>
    UnwindingHere,

    /// <summary>Another coordinator owns the saga and answers, does not run it, and does not resume it because its recovery is paused.</summary>
    HeldByPausedNode,
}

/// <summary>The explanation of why a saga runs in a process, or does not.</summary>
/// <param name="SagaId">The saga.</param>
/// <param name="Verdict">The status of the saga.</param>
/// <param name="Reason">The evidence, as a sentence.</param>
/// <param name="Advice">The advice to the operator; empty if nothing needs to be done.</param>
public sealed record SagaExplanation(SagaId SagaId, SagaVerdict Verdict, string Reason, string Advice)
{
    /// <summary>The time since which the verdict applies; null if it is not known.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>The time of the next attempt; null if none is scheduled.</summary>
    public DateTimeOffset? NextTry { get; init; }

    /// <summary>The number of failed attempts to resume the saga in a row.</summary>
    public int Failures { get; init; }

    /// <summary>The last error, or the missing definition; null if there is none.</summary>
    public string? Error { get; init; }

    /// <summary>The saga as the store contains it; null if it has none.</summary>
    public SagaSummary? Saga { get; init; }

    /// <summary>The owner as the store knows it; null if it is unknown.</summary>
    public CoordinatorDetails? Owner { get; init; }

    /// <summary>The use of the slots for which the saga waits; null if it does not wait for one, or if it is not known.</summary>
    public SlotUse? Slots { get; init; }

    /// <summary>The last event as text; null if there is none.</summary>
    public string? LastEvent { get; init; }

    /// <summary>The cause for which the saga unwinds, has unwound or is stuck, and how far it is undone; null if it does not unwind.</summary>
    public SagaUnwinding? Unwinding { get; init; }

    /// <summary>The run of the saga in this process; null if this process does not run it, or its executor does not report runs.</summary>
    public SagaRunProgress? Run { get; init; }
}
