namespace SagaRecovery.Status;

/// <summary>Unfinished sagas on the whole store that nobody is going to run as things are.</summary>
/// <param name="At">When somebody looked.</param>
/// <param name="Orphans">Those whose owner is no known coordinator.</param>
/// <param name="OwnerDown">Those whose owner is known and does not answer.</param>
public sealed record ClusterReport(DateTimeOffset At, UnownedSagas Orphans, UnownedSagas OwnerDown);

/// <summary>Sagas that have nobody to run them.</summary>
/// <param name="Count">How many.</param>
/// <param name="Oldest">When the oldest was inserted; null: there is none.</param>
public sealed record UnownedSagas(long Count, DateTimeOffset? Oldest);
