namespace SagaRecovery.Status;

/// <summary>A saga that is in progress, is owned by this coordinator, and has had no event for longer than its definition allows.</summary>
/// <param name="SagaId">The id of the saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="Since">The time of its last event; its creation time if it has none.</param>
/// <param name="LastEvent">The node and its last event, as shown to operators; null if the saga has no event.</param>
public sealed record StalledSaga(SagaId SagaId, string Name, DateTimeOffset Since, string? LastEvent)
{
    /// <summary>The run of the saga in this process; null if this process does not run it, or its executor does not report runs.</summary>
    public SagaRunProgress? Run { get; init; }
}

/// <summary>The stalled sagas at one moment.</summary>
/// <param name="At">The time at which the store was queried.</param>
/// <param name="Count">The number of stalled sagas.</param>
/// <param name="Sagas">The sagas that have been stalled longest, at most <see cref="RecoveryReport.HistoryLength"/>.</param>
public sealed record StalledSagas(DateTimeOffset At, int Count, IReadOnlyList<StalledSaga> Sagas);
