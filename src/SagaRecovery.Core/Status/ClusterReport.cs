namespace SagaRecovery.Status;

/// <summary>The unfinished sagas in the store that no process will run without an operator's intervention.</summary>
/// <param name="At">The time at which the store was queried.</param>
/// <param name="Orphans">Sagas whose owner is not a known coordinator.</param>
/// <param name="OwnerDown">Sagas whose owner is a known coordinator that does not respond.</param>
public sealed record ClusterReport(DateTimeOffset At, UnownedSagas Orphans, UnownedSagas OwnerDown);

/// <summary>A group of sagas that no process runs.</summary>
/// <param name="Count">The number of sagas.</param>
/// <param name="Oldest">The insertion time of the oldest saga; null if the group is empty.</param>
public sealed record UnownedSagas(long Count, DateTimeOffset? Oldest);
