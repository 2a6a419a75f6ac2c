namespace SagaRecovery.Status;

/// <summary>The totals over all passes and refills since the process started. Immutable.</summary>
public sealed record RecoveryTotals
{
    /// <summary>The number of passes that have ended.</summary>
    public long Passes { get; init; }

    /// <summary>The number of passes that failed.</summary>
    public long FailedPasses { get; init; }

    /// <summary>The number of refills: between two passes, they resume sagas that wait for a slot.</summary>
    public long Refills { get; init; }

    /// <summary>The number of sagas that the executor resumed, in passes and refills, without those whose recovered run it interrupted.</summary>
    /// <remarks>The number falls when the executor interrupts a recovered run. That run then counts as failed, unless an operator had requested its stop.</remarks>
    public long Recovered { get; init; }

    /// <summary>The number of attempts to resume a saga that failed, and of runs that failed: those that the executor interrupted without the request of an operator.</summary>
    public long Failed { get; init; }

    /// <summary>The number of start announcements read.</summary>
    public long ObservedStarts { get; init; }

    /// <summary>The number of tracked sagas that a listing no longer held: finished, or reassigned.</summary>
    public long InferredFinished { get; init; }

    /// <summary>The number of runs that the executor reported as interrupted: it stopped them before the saga finished.</summary>
    public long MissingFromExecutor { get; init; }

    /// <summary>The number of sagas that the executor was still running when this coordinator no longer owned them.</summary>
    public long BadStateInExecutor { get; init; }

    /// <summary>The number of sagas that were reassigned and returned while this process ran them.</summary>
    public long Readopted { get; init; }

    /// <summary>The number of sagas abandoned as corrupt.</summary>
    public long Abandoned { get; init; }

    /// <summary>The number of sagas assigned to this coordinator that a periodic pass found, because no hint announced them.</summary>
    public long MissedHints { get; init; }

    /// <summary>The number of sagas whose rows the database lost.</summary>
    public long Lost { get; init; }

    /// <summary>The number of sagas that ended in this process and whose end the database lost.</summary>
    public long EndsLost { get; init; }

    /// <summary>The number of sagas inserted before they were announced.</summary>
    public long ProtocolViolations { get; init; }

    /// <summary>Returns these totals with one more pass added.</summary>
    public RecoveryTotals Plus(PassReport pass) => PlusStarts(pass) with
    {
        Passes = Passes + 1,
        FailedPasses = FailedPasses + (pass.Result == PassResult.Failed ? 1 : 0),
        Recovered = Recovered - pass.TakenBack + pass.Recovered,
        Failed = Failed + pass.FailedRuns + pass.Failed,
        InferredFinished = InferredFinished + pass.Removed,
        BadStateInExecutor = BadStateInExecutor + pass.Reassigned,
        Readopted = Readopted + pass.Readopted,
        Abandoned = Abandoned + pass.Abandoned,
        MissedHints = MissedHints + pass.MissedHints,
        Lost = Lost + pass.Lost,
        EndsLost = EndsLost + pass.EndsLost,
    };

    /// <summary>Returns these totals with one more refill added.</summary>
    public RecoveryTotals Plus(RefillReport refill) => this with
    {
        Refills = Refills + 1,
        Recovered = Recovered + refill.Recovered,
        Failed = Failed + refill.Failed,
        Abandoned = Abandoned + refill.Abandoned,
    };

    /// <summary>Returns these totals with the drained starts of one more pass or dry run added.</summary>
    public RecoveryTotals PlusStarts(PassReport pass) => this with
    {
        Recovered = Recovered - pass.TakenBack,
        Failed = Failed + pass.FailedRuns,
        ObservedStarts = ObservedStarts + pass.ObservedStarts,
        MissingFromExecutor = MissingFromExecutor + pass.Interrupted,
        ProtocolViolations = ProtocolViolations + pass.ProtocolViolations,
    };
}
