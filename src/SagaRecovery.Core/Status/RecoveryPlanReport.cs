namespace SagaRecovery.Status;

/// <summary>The plan of a pass, as determined by a dry run. Immutable.</summary>
/// <param name="At">The time at which the plan was made.</param>
/// <param name="Found">The number of sagas in the listing.</param>
/// <param name="Buckets">All buckets in the order of the report, including empty ones.</param>
public sealed record RecoveryPlanReport(DateTimeOffset At, int Found, IReadOnlyList<PlanBucket> Buckets);

/// <summary>The sagas that a pass would treat alike.</summary>
/// <param name="Name">The name of the bucket in reports.</param>
/// <param name="Count">The number of sagas in the bucket.</param>
/// <param name="Sagas">The first sagas of the bucket, at most <see cref="RecoveryReport.HistoryLength"/>.</param>
public sealed record PlanBucket(string Name, int Count, IReadOnlyList<SagaId> Sagas);
