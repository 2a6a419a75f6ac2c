using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>When the next pass is due, where nobody asks for one before. Pure.</summary>
/// <param name="Delay">From the end of the last pass.</param>
/// <param name="Reason">Why then.</param>
internal readonly record struct PassSchedule(TimeSpan Delay, PassReason Reason)
{
    /// <summary>Sagas that are due for another try share passes: none begins sooner than this after the last.</summary>
    private static readonly TimeSpan LeastDueDelay = TimeSpan.FromSeconds(1);

    /// <summary>What a probation kept waiting follows it closely, but not in a loop without a pause.</summary>
    private static readonly TimeSpan LeastProbationDelay = TimeSpan.FromMilliseconds(50);

    /// <summary>However long the database has been away, it is asked that often: a process that starts meanwhile has no other way to notice that it is back.</summary>
    private static readonly TimeSpan LongestRetryDelay = TimeSpan.FromSeconds(30);

    /// <param name="failedPasses">Failed passes in a row, the last one included; 0: it did not fail.</param>
    /// <param name="earliestDue">When the first saga that is backing off is due; null: none is.</param>
    /// <param name="probationEnds">When what was handed over last will have outlived its probation; null: nothing waits for that.</param>
    /// <param name="now">The present time.</param>
    /// <param name="options">The configured times.</param>
    public static PassSchedule Next(
        int failedPasses, DateTimeOffset? earliestDue, DateTimeOffset? probationEnds, DateTimeOffset now, SagaRecoveryOptions options)
    {
        if (failedPasses > 0)
        {
            // a longer first delay was asked for: that one is kept, not doubled
            TimeSpan longest = options.RetryDelay > LongestRetryDelay ? options.RetryDelay : LongestRetryDelay;
            longest = longest < options.Period ? longest : options.Period;
            double ticks = options.RetryDelay.Ticks * Math.Pow(2, failedPasses - 1);
            return new PassSchedule(ticks < longest.Ticks ? TimeSpan.FromTicks((long)ticks) : longest, PassReason.Retry);
        }

        PassSchedule next = new(options.Period, PassReason.Periodic);
        next = Earlier(next, earliestDue, now, LeastDueDelay, PassReason.Due);
        return Earlier(next, probationEnds, now, LeastProbationDelay, PassReason.Probation);
    }

    private static PassSchedule Earlier(PassSchedule other, DateTimeOffset? due, DateTimeOffset now, TimeSpan least, PassReason reason)
    {
        TimeSpan? delay = due - now < least ? least : due - now;
        return delay < other.Delay ? new PassSchedule(delay.Value, reason) : other;
    }
}
