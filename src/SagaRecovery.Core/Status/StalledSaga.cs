namespace SagaRecovery.Status;

/// <summary>A saga in progress and ours whose log has had no new event for longer than its definition is given.</summary>
/// <param name="SagaId">Which saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="Since">When its last event was written; its creation, where it has none.</param>
/// <param name="LastEvent">For people: the node and what happened to it; null: nothing has.</param>
public sealed record StalledSaga(SagaId SagaId, string Name, DateTimeOffset Since, string? LastEvent);

/// <summary>The sagas that do not progress, as of one look.</summary>
/// <param name="At">When it was looked.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Sagas">Those that have stood still longest, at most <see cref="RecoveryReport.HistoryLength"/>.</param>
public sealed record StalledSagas(DateTimeOffset At, int Count, IReadOnlyList<StalledSaga> Sagas);
