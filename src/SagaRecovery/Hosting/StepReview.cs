using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Hosting;

/// <summary>Decides which steps in progress are retried, retried for too long, or hang. Pure.</summary>
internal static class StepReview
{
    /// <summary>Reviews the steps of all runs.</summary>
    /// <param name="runs">The runs with steps in progress.</param>
    /// <param name="thresholds">The times after which a step counts as overdue or hanging.</param>
    /// <param name="now">The current time.</param>
    public static StepReport Review(IReadOnlyList<SagaRunProgress> runs, StalledThresholds thresholds, DateTimeOffset now)
    {
        List<SagaStep> retrying = [];
        List<SagaStep> hanging = [];
        foreach (SagaRunProgress run in runs)
        {
            TimeSpan threshold = ThresholdOf(run, thresholds);
            foreach (StepInProgress step in run.Steps)
            {
                var entry = new SagaStep(run.SagaId, run.Name, step, IsOverdue: now - step.Since > threshold);
                if (Hangs(step, threshold, now))
                {
                    hanging.Add(entry);
                }
                else if (step.IsRetrying)
                {
                    retrying.Add(entry);
                }
            }
        }

        return new StepReport(now)
        {
            Retrying = [.. retrying.OrderByDescending(one => one.IsOverdue).ThenBy(one => one.Step.Since).Take(RecoveryReport.HistoryLength)],
            RetryingCount = retrying.Count,
            OverdueCount = retrying.Count(one => one.IsOverdue),
            Hanging = [.. hanging.OrderBy(one => one.Step.AttemptSince).Take(RecoveryReport.HistoryLength)],
            HangingCount = hanging.Count,
        };
    }

    /// <summary>Returns the sagas that do not count as stalled: a step of theirs is retried, and none hangs.</summary>
    public static IReadOnlyCollection<SagaId> NotStalled(IReadOnlyList<SagaRunProgress> runs, StalledThresholds thresholds, DateTimeOffset now)
    {
        return [.. runs.Where(run => run.Steps.Any(step => step.IsRetrying) && !run.Steps.Any(step => Hangs(step, ThresholdOf(run, thresholds), now)))
            .Select(run => run.SagaId)];
    }

    private static bool Hangs(StepInProgress step, TimeSpan threshold, DateTimeOffset now) => step.AttemptSince is { } since && now - since > threshold;

    private static TimeSpan ThresholdOf(SagaRunProgress run, StalledThresholds thresholds) =>
        thresholds.ByDefinition.TryGetValue(run.Name, out TimeSpan own) ? own : thresholds.Default;
}
