namespace SagaRecovery.Status;

/// <summary>How far a drain has come.</summary>
public enum DrainPhase
{
    /// <summary>New starts are refused; what runs may finish.</summary>
    WaitingForRuns,

    /// <summary>The time to finish is up: what is unfinished is given to others.</summary>
    Reassigning,

    /// <summary>Nothing is left: nothing runs, nothing is owned, and everything that had been assigned to this coordinator was seen to.</summary>
    Drained,

    /// <summary>
    /// Some sagas stay: nobody else can take them. They are this coordinator's, and go on at its next start, or go to others once the
    /// drain is asked for again.
    /// </summary>
    Incomplete,

    /// <summary>The store did not answer, so it is not known what is left. The drain can be asked for again.</summary>
    Unanswered,
}

/// <summary>A drain of this process.</summary>
/// <param name="Since">When it began.</param>
/// <param name="Note">Who asked for it, and why.</param>
/// <param name="Phase">How far it has come.</param>
/// <param name="Reassigned">How many sagas were given to others.</param>
/// <param name="Left">How many stay.</param>
public sealed record DrainReport(DateTimeOffset Since, OperatorNote Note, DrainPhase Phase, long Reassigned, long Left);
