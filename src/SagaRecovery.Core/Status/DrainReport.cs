namespace SagaRecovery.Status;

/// <summary>The progress of a drain.</summary>
public enum DrainPhase
{
    /// <summary>The coordinator refuses new starts. Running sagas may finish.</summary>
    WaitingForRuns,

    /// <summary>The time to finish has elapsed. Unfinished sagas are being reassigned to other coordinators.</summary>
    Reassigning,

    /// <summary>Nothing is left: no saga runs, none is owned, and every saga assigned to this coordinator was handled.</summary>
    Drained,

    /// <summary>
    /// Some sagas remain because no other coordinator takes them: none that is active, answers and is not paused can run them. This coordinator still owns them. They resume at its next start, or
    /// another coordinator receives them when the drain is requested again.
    /// </summary>
    Incomplete,

    /// <summary>The store did not respond, so the number of remaining sagas is unknown. The drain can be requested again.</summary>
    Unanswered,
}

/// <summary>A drain of this process.</summary>
/// <param name="Since">The time at which the drain began.</param>
/// <param name="Note">The operator who requested the drain, and the reason.</param>
/// <param name="Phase">The progress of the drain.</param>
/// <param name="Reassigned">The number of sagas reassigned to other coordinators.</param>
/// <param name="Left">The number of sagas that remain.</param>
public sealed record DrainReport(DateTimeOffset Since, OperatorNote Note, DrainPhase Phase, long Reassigned, long Left)
{
    /// <summary>The coordinators that could have taken the sagas that remain, and took none because their recovery is paused.</summary>
    public IReadOnlyList<CoordinatorId> Paused { get; init; } = [];
}
