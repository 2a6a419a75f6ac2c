namespace SagaRecovery.Status;

/// <summary>What a pass would do, as a dry run found it. Immutable.</summary>
/// <param name="At">When it was planned.</param>
/// <param name="Found">How many sagas the listing held.</param>
/// <param name="Buckets">Every bucket, in the order in which a report names them; empty ones included.</param>
public sealed record RecoveryPlanReport(DateTimeOffset At, int Found, IReadOnlyList<PlanBucket> Buckets);

/// <summary>The sagas of which a pass would do the same.</summary>
/// <param name="Name">What it would do, in the words of the report.</param>
/// <param name="Count">How many they are.</param>
/// <param name="Sagas">The first of them, at most <see cref="RecoveryReport.HistoryLength"/>.</param>
public sealed record PlanBucket(string Name, int Count, IReadOnlyList<SagaId> Sagas);
