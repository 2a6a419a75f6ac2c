using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>The time and reason of the next pass, unless one is requested before. Pure.</summary>
/// <param name="Delay">The delay from the end of the last pass.</param>
/// <param name="Reason">The reason for the pass.</param>
internal readonly record struct PassSchedule(TimeSpan Delay, PassReason Reason)
{
    /// <summary>The shortest delay before a pass for sagas that are due for a retry, so that several of them share a pass.</summary>
    private static readonly TimeSpan MinDueDelay = TimeSpan.FromSeconds(1);

    /// <summary>The shortest delay before a pass for sagas that waited for a probation to end. It keeps such passes from forming a busy loop.</summary>
    private static readonly TimeSpan MinProbationDelay = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// The longest delay between retries, however long the database is unreachable. A process that starts in an outage has no other way
    /// to notice that the database is back.
    /// </summary>
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(30);

    /// <summary>Returns the schedule of the next pass.</summary>
    /// <param name="failedPasses">The number of failed passes in a row, the last one included; 0 if it did not fail.</param>
    /// <param name="earliestDue">The time at which the first saga that is backing off is due, or null if none is backing off.</param>
    /// <param name="probationEnds">The time at which the probation of the sagas resumed last ends, or null if nothing waits for it.</param>
    /// <param name="now">The present time.</param>
    /// <param name="options">The configured delays.</param>
    public static PassSchedule Next(
        int failedPasses, DateTimeOffset? earliestDue, DateTimeOffset? probationEnds, DateTimeOffset now, SagaRecoveryOptions options)
    {
        if (failedPasses > 0)
        {
            // a configured first delay longer than the maximum is kept as it is, not doubled
            TimeSpan maxDelay = options.RetryDelay > MaxRetryDelay ? options.RetryDelay : MaxRetryDelay;
            maxDelay = maxDelay < options.Period ? maxDelay : options.Period;
            double ticks = options.RetryDelay.Ticks * Math.Pow(2, failedPasses - 1);
            return new PassSchedule(ticks < maxDelay.Ticks ? TimeSpan.FromTicks((long)ticks) : maxDelay, PassReason.Retry);
        }

        PassSchedule next = new(options.Period, PassReason.Periodic);
        next = Earlier(next, earliestDue, now, MinDueDelay, PassReason.Due);
        return Earlier(next, probationEnds, now, MinProbationDelay, PassReason.Probation);
    }

    private static PassSchedule Earlier(PassSchedule other, DateTimeOffset? due, DateTimeOffset now, TimeSpan minDelay, PassReason reason)
    {
        TimeSpan? delay = due - now < minDelay ? minDelay : due - now;
        return delay < other.Delay ? new PassSchedule(delay.Value, reason) : other;
    }
}
