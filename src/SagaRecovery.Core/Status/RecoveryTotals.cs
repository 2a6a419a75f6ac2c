namespace SagaRecovery.Status;

/// <summary>Sums over all passes since the process started.</summary>
public sealed record RecoveryTotals
{
    /// <summary>Passes ended.</summary>
    public long Passes { get; init; }

    /// <summary>Of these, the failed ones.</summary>
    public long FailedPasses { get; init; }

    /// <summary>Sagas that the executor took on.</summary>
    public long Recovered { get; init; }

    /// <summary>Hand-overs that failed.</summary>
    public long Failed { get; init; }

    /// <summary>Announcements read.</summary>
    public long ObservedStarts { get; init; }

    /// <summary>Sagas found to be finished or gone because a listing missed them.</summary>
    public long InferredFinished { get; init; }

    /// <summary>Runs that the executor gave up on: it was to run them, and did not.</summary>
    public long MissingFromExecutor { get; init; }

    /// <summary>Sagas that the executor still ran when they were no longer ours.</summary>
    public long BadStateInExecutor { get; init; }

    /// <summary>Sagas that left and came back while this process ran them.</summary>
    public long Readopted { get; init; }

    /// <summary>Sagas set aside as corrupt.</summary>
    public long Abandoned { get; init; }

    /// <summary>Sagas that were assigned to this coordinator, and that a periodic pass had to find.</summary>
    public long MissedHints { get; init; }

    /// <summary>Sagas that the database has lost as a whole.</summary>
    public long Lost { get; init; }

    /// <summary>Sagas whose end the database has lost.</summary>
    public long EndsLost { get; init; }

    /// <summary>Sagas inserted before they were announced.</summary>
    public long ProtocolViolations { get; init; }

    /// <summary>These totals with one more pass in them.</summary>
    public RecoveryTotals Plus(PassReport pass) => PlusStarts(pass) with
    {
        Passes = Passes + 1,
        FailedPasses = FailedPasses + (pass.Result == PassResult.Failed ? 1 : 0),
        Recovered = Recovered + pass.Recovered,
        Failed = Failed + pass.Failed,
        InferredFinished = InferredFinished + pass.Removed,
        BadStateInExecutor = BadStateInExecutor + pass.TakenAway,
        Readopted = Readopted + pass.Readopted,
        Abandoned = Abandoned + pass.Abandoned,
        MissedHints = MissedHints + pass.MissedHints,
        Lost = Lost + pass.Lost,
        EndsLost = EndsLost + pass.EndsLost,
    };

    /// <summary>These totals with what the drains of one more pass, or dry run, showed.</summary>
    public RecoveryTotals PlusStarts(PassReport pass) => this with
    {
        ObservedStarts = ObservedStarts + pass.ObservedStarts,
        MissingFromExecutor = MissingFromExecutor + pass.Interrupted,
        ProtocolViolations = ProtocolViolations + pass.ProtocolViolations,
    };
}
