namespace SagaRecovery.Status;

/// <summary>The account of one refill: the sagas that waited for a slot and were resumed between two passes. Immutable.</summary>
/// <remarks>
/// <see cref="Taken"/> = <see cref="Recovered"/> + <see cref="Failed"/> + <see cref="Skipped"/> + <see cref="UnknownDefinition"/> +
/// <see cref="Abandoned"/> + <see cref="Superseded"/> + <see cref="NotAttempted"/>.
/// </remarks>
public sealed record RefillReport
{
    /// <summary>The number of sagas whose turn came.</summary>
    public int Taken { get; init; }

    /// <summary>The number of sagas that the executor resumed.</summary>
    public int Recovered { get; init; }

    /// <summary>The number of sagas that failed to resume. They are retried after a backoff delay.</summary>
    public int Failed { get; init; }

    /// <summary>The number of sagas that were already running in this process, or queued in its executor.</summary>
    public int Skipped { get; init; }

    /// <summary>The number of sagas whose definition this binary lacks.</summary>
    public int UnknownDefinition { get; init; }

    /// <summary>The number of sagas abandoned because they are proven corrupt.</summary>
    public int Abandoned { get; init; }

    /// <summary>The number of sagas whose state, owner or generation changed while they waited.</summary>
    public int Superseded { get; init; }

    /// <summary>The number of sagas that wait again, because shutdown or a failure came first.</summary>
    public int NotAttempted { get; init; }

    /// <summary>The most recently recovered sagas, at most <see cref="RecoveryReport.HistoryLength"/>.</summary>
    public IReadOnlyList<RecoveredSaga> RecoveredSagas { get; init; } = [];

    /// <summary>The most recently failed and abandoned sagas, at most <see cref="RecoveryReport.HistoryLength"/>.</summary>
    public IReadOnlyList<FailedSaga> FailedSagas { get; init; } = [];

    /// <summary>The times for which the recovered sagas had not been running before they were recovered.</summary>
    public DurationHistogram TimeToRecover { get; init; } = DurationHistogram.Empty;
}
