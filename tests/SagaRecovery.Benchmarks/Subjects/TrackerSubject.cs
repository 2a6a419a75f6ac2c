using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The memory that the tracker needs for recovered sagas.</summary>
internal sealed class TrackerSubject : Subject
{
    public const string SubjectName = "tracker";

    public override string Name => SubjectName;

    public override Task RunAsync(SubjectTask task, Meter meter)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        meter.Begin();
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var tracker = new SagaTracker(new StartInbox(), BackoffPolicy.Default);
        Recover(tracker, task.Sagas, now);
        meter.End(task.Sagas);
        meter.Note(Metric.HeldBytes, GC.GetTotalMemory(forceFullCollection: true) - before);
        GC.KeepAlive(tracker);
        return Task.CompletedTask;
    }

    private static void Recover(SagaTracker tracker, int sagas, DateTimeOffset now)
    {
        OpenedPass pass = tracker.OpenPass(PassReason.Startup, now);
        CandidateListing listing = pass.BeginListing();
        for (int i = 0; i < sagas; i++)
        {
            listing.Add(new Candidate(SagaId.NewAt(now), "in-flight", AdoptGeneration.Initial));
        }

        RecoveryPlan plan = pass.Reconcile(listing, RecoveryControls.None, now).MakePlan();
        PassOutcome outcome = plan.BeginOutcome();
        foreach (Candidate candidate in plan.Recover)
        {
            outcome.Record(candidate.SagaId, ResumeResult.Recovered.Instance, now);
        }

        outcome.Complete(now);
    }
}
