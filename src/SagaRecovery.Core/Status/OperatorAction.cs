namespace SagaRecovery.Status;

/// <summary>The author of an operator action, and the reason for it.</summary>
/// <param name="Actor">The name of a person or of a software component.</param>
/// <param name="Reason">The reason, for later readers of the audit log.</param>
public sealed record OperatorNote(string Actor, string Reason)
{
    /// <summary>The maximum length of the actor and of the reason, in characters.</summary>
    public const int MaxLength = 1_000;

    /// <summary>The actor that the crash-loop guard records for its own actions.</summary>
    public const string CrashGuardActor = "crash-loop guard";
}

/// <summary>The kinds of operator action.</summary>
public enum OperatorActionKind
{
    /// <summary>Stops the recovery of all sagas until recovery is resumed.</summary>
    Pause,

    /// <summary>Ends a pause.</summary>
    Resume,

    /// <summary>Excludes one saga from recovery until it is released.</summary>
    Hold,

    /// <summary>Ends a hold.</summary>
    Release,

    /// <summary>Retries a saga at once, regardless of its backoff delay.</summary>
    Retry,

    /// <summary>Removes a saga from recovery permanently.</summary>
    Abandon,

    /// <summary>Makes a started node fail, so that its saga unwinds.</summary>
    InjectError,

    /// <summary>Reassigns the sagas of a coordinator to other coordinators.</summary>
    Reassign,

    /// <summary>Reassigns the sagas of a coordinator without heartbeats. Another coordinator performs it.</summary>
    TakeOver,

    /// <summary>Stops new work on a coordinator and reassigns the sagas that it does not finish.</summary>
    Drain,

    /// <summary>Invalidates every join so far, as needed after a restore from a backup.</summary>
    Revoke,

    /// <summary>Makes a running saga unwind.</summary>
    Cancel,

    /// <summary>Runs the failed undos of a stuck saga again.</summary>
    RetryUndo,

    /// <summary>Marks an undo that failed or is in flight as done, because an operator did it manually.</summary>
    SkipUndo,

    /// <summary>Deletes ended sagas.</summary>
    Purge,

    /// <summary>Inserts an ended saga from an archive.</summary>
    Import,

    /// <summary>Deletes a coordinator that owns no unfinished sagas.</summary>
    Forget,
}

/// <summary>The text form of operator actions, as used in the store, in reports and on the command line.</summary>
public static class OperatorActionText
{
    /// <summary>Returns the author of an action and the reason, such as <c>ann: broken disk</c>, on one line that can end with more.</summary>
    public static string By(OperatorNote note) => $"{PlainText.Clause(note.Actor)}: {PlainText.Clause(note.Reason)}";

    /// <summary>Returns the name of a kind of action, such as <c>inject-error</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The kind is not a defined value.</exception>
    public static string Of(OperatorActionKind kind) => kind switch
    {
        OperatorActionKind.Pause => "pause",
        OperatorActionKind.Resume => "resume",
        OperatorActionKind.Hold => "hold",
        OperatorActionKind.Release => "release",
        OperatorActionKind.Retry => "retry",
        OperatorActionKind.Abandon => "abandon",
        OperatorActionKind.InjectError => "inject-error",
        OperatorActionKind.Reassign => "reassign",
        OperatorActionKind.TakeOver => "take-over",
        OperatorActionKind.Drain => "drain",
        OperatorActionKind.Revoke => "revoke",
        OperatorActionKind.Cancel => "cancel",
        OperatorActionKind.RetryUndo => "retry-undo",
        OperatorActionKind.SkipUndo => "skip-undo",
        OperatorActionKind.Purge => "purge",
        OperatorActionKind.Import => "import",
        OperatorActionKind.Forget => "forget",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, message: null),
    };

    /// <summary>Returns the target of an action.</summary>
    /// <returns>A saga id, <c>all joins</c>, <c>ended sagas</c>, <c>recovery</c>, <c>coordinator</c> with its id, or <c>unowned sagas</c>.</returns>
    public static string On(OperatorAction action) => action switch
    {
        { SagaId: { } sagaId } => sagaId.ToString(),
        { Kind: OperatorActionKind.Revoke } => "all joins",
        { Kind: OperatorActionKind.Purge } => "ended sagas",
        { Kind: not (OperatorActionKind.Reassign or OperatorActionKind.TakeOver or OperatorActionKind.Drain or OperatorActionKind.Forget) } => "recovery",
        { Coordinator: { } coordinator } => $"coordinator {coordinator}",
        _ => "unowned sagas",
    };
}

/// <summary>An action that an operator took.</summary>
/// <param name="Number">The sequence number of the action. Numbers are never reused.</param>
/// <param name="Time">The time of the action.</param>
/// <param name="Kind">The kind of action.</param>
/// <param name="SagaId">The target saga; null if the action targets a coordinator's recovery or all its sagas.</param>
/// <param name="Note">The operator and the reason.</param>
public sealed record OperatorAction(long Number, DateTimeOffset Time, OperatorActionKind Kind, SagaId? SagaId, OperatorNote Note)
{
    /// <summary>The target coordinator, or the owner of the target saga; null if the target sagas have no owner.</summary>
    public CoordinatorId? Coordinator { get; init; }
}

/// <summary>A pause of recovery.</summary>
/// <param name="Since">The time at which the pause began.</param>
/// <param name="Note">The operator and the reason.</param>
public sealed record RecoveryPause(DateTimeOffset Since, OperatorNote Note);

/// <summary>A saga that an operator excluded from recovery.</summary>
/// <param name="SagaId">The id of the saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="Since">The time at which the hold began.</param>
/// <param name="Note">The operator and the reason.</param>
public sealed record HeldSaga(SagaId SagaId, string Name, DateTimeOffset Since, OperatorNote Note)
{
    /// <summary>True if a present run of the saga stops as well, once its steps in flight have ended.</summary>
    public bool StopsRun { get; init; }
}

/// <summary>The cancellation of a saga: a request, or that by its deadline.</summary>
/// <param name="At">The time of the request, or the deadline.</param>
/// <param name="Note">The author of the request, or <see cref="DeadlineActor"/>; and the reason.</param>
public sealed record SagaCancellation(DateTimeOffset At, OperatorNote Note)
{
    /// <summary>The actor of a cancellation that the deadline of the saga caused.</summary>
    public const string DeadlineActor = "deadline";

    /// <summary>Returns the cancellation of a saga that had not finished by its deadline.</summary>
    /// <param name="deadline">The deadline.</param>
    public static SagaCancellation AtDeadline(DateTimeOffset deadline) =>
        new(deadline, new OperatorNote(DeadlineActor, $"it had not finished by {PlainText.Time(deadline)}"));
}
