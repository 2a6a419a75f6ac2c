using SagaRecovery.Bookkeeping;

namespace SagaRecovery.Status;

/// <summary>What a pass would do, as a dry run found it. Immutable.</summary>
/// <param name="At">When it was planned.</param>
/// <param name="Found">How many sagas the listing held.</param>
/// <param name="Buckets">Every bucket, in the order in which a report names them; empty ones included.</param>
public sealed record RecoveryPlanReport(DateTimeOffset At, int Found, IReadOnlyList<PlanBucket> Buckets)
{
    /// <summary>A plan as it stands.</summary>
    public static RecoveryPlanReport Of(RecoveryPlan plan, DateTimeOffset now) => new(now, plan.Found, [
        Bucket("recover", plan.Recover, saga => saga.SagaId),
        Bucket("readopted", plan.Readopted, saga => saga.Candidate.SagaId),
        Bucket("already running", plan.AlreadyRunning, sagaId => sagaId),
        Bucket("backing off", plan.BackingOff, saga => saga.Candidate.SagaId),
        Bucket("held", plan.Held, saga => saga.SagaId),
        Bucket("paused", plan.Paused, saga => saga.SagaId),
        Bucket("deferred", plan.Deferred, saga => saga.SagaId),
        Bucket("unreadable", plan.Unreadable, saga => saga.SagaId),
        Bucket("finished or gone", plan.NoLongerListed, saga => saga.SagaId),
        Bucket("starting", plan.Starting, sagaId => sagaId),
    ]);

    private static PlanBucket Bucket<T>(string name, IReadOnlyList<T> sagas, Func<T, SagaId> idOf) =>
        new(name, sagas.Count, [.. sagas.Take(RecoveryReport.HistoryLength).Select(idOf)]);
}

/// <summary>The sagas of which a pass would do the same.</summary>
/// <param name="Name">What it would do, in the words of the report.</param>
/// <param name="Count">How many they are.</param>
/// <param name="Sagas">The first of them, at most <see cref="RecoveryReport.HistoryLength"/>.</param>
public sealed record PlanBucket(string Name, int Count, IReadOnlyList<SagaId> Sagas);
