namespace SagaRecovery.Status;

/// <summary>Who pulled a lever, and why.</summary>
/// <param name="Actor">A person, or a part of the software.</param>
/// <param name="Reason">For whoever looks later.</param>
public sealed record OperatorNote(string Actor, string Reason)
{
    /// <summary>How long either may be, in characters.</summary>
    public const int MaxLength = 1_000;

    /// <summary>What the crash-loop guard signs with.</summary>
    public const string CrashGuardActor = "crash-loop guard";
}

/// <summary>What an operator can do about recovery or about one saga.</summary>
public enum OperatorActionKind
{
    /// <summary>No saga is handed over until recovery is resumed.</summary>
    Pause,

    /// <summary>Ends a pause.</summary>
    Resume,

    /// <summary>One saga is not handed over until it is released.</summary>
    Hold,

    /// <summary>Ends a hold.</summary>
    Release,

    /// <summary>A saga is tried again now, whatever its delay.</summary>
    Retry,

    /// <summary>A saga is set aside for good.</summary>
    Abandon,

    /// <summary>A node that had started is made to fail, so that its saga unwinds.</summary>
    InjectError,

    /// <summary>The sagas of a coordinator are given to others.</summary>
    Reassign,

    /// <summary>The sagas of a coordinator that was silent are given to others, by one of those.</summary>
    TakeOver,

    /// <summary>A coordinator takes no new work, and gives away what it does not finish.</summary>
    Drain,

    /// <summary>Every join up to now counts no more, as after a restore from a backup.</summary>
    Revoke,
}

/// <summary>Levers in words, as they stand in the store, in texts and on the command line.</summary>
public static class OperatorActionText
{
    /// <summary>The word for a lever: <c>inject-error</c>.</summary>
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
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, message: null),
    };

    /// <summary>What a lever was pulled on: a saga's id, <c>recovery</c>, <c>coordinator</c> and its id, or <c>nobody's sagas</c>.</summary>
    public static string On(OperatorAction action) => action switch
    {
        { SagaId: { } sagaId } => sagaId.ToString(),
        { Kind: OperatorActionKind.Revoke } => "all joins",
        { Kind: not (OperatorActionKind.Reassign or OperatorActionKind.TakeOver or OperatorActionKind.Drain) } => "recovery",
        { Coordinator: { } coordinator } => $"coordinator {coordinator}",
        _ => "nobody's sagas",
    };
}

/// <summary>A lever that was pulled.</summary>
/// <param name="Number">In the order of pulling; never given twice.</param>
/// <param name="Time">When.</param>
/// <param name="Kind">Which.</param>
/// <param name="SagaId">On which saga; null: on a coordinator's recovery, or on all its sagas.</param>
/// <param name="Note">By whom, and why.</param>
public sealed record OperatorAction(long Number, DateTimeOffset Time, OperatorActionKind Kind, SagaId? SagaId, OperatorNote Note)
{
    /// <summary>On which coordinator, or on whose saga; null: nobody's.</summary>
    public CoordinatorId? Coordinator { get; init; }
}

/// <summary>A pause of recovery.</summary>
/// <param name="Since">When it began.</param>
/// <param name="Note">By whom, and why.</param>
public sealed record RecoveryPause(DateTimeOffset Since, OperatorNote Note);

/// <summary>A saga that is kept from being handed over.</summary>
/// <param name="SagaId">Which saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="Since">When it was held.</param>
/// <param name="Note">By whom, and why.</param>
public sealed record HeldSaga(SagaId SagaId, string Name, DateTimeOffset Since, OperatorNote Note);
