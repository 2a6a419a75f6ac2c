using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>When the next pass is due, where nobody asks for one before. Pure.</summary>
/// <param name="Delay">From the end of the last pass.</param>
/// <param name="Reason">Why then.</param>
internal readonly record struct PassSchedule(TimeSpan Delay, PassReason Reason)
{
    /// <summary>Sagas that are due for another try share passes: none begins sooner than this after the last.</summary>
    private static readonly TimeSpan LeastDueDelay = TimeSpan.FromSeconds(1);

    /// <param name="failedPasses">Failed passes in a row, the last one included; 0: it did not fail.</param>
    /// <param name="earliestDue">When the first saga that is backing off is due; null: none is.</param>
    /// <param name="now">The present time.</param>
    /// <param name="options">The configured times.</param>
    public static PassSchedule Next(int failedPasses, DateTimeOffset? earliestDue, DateTimeOffset now, SagaRecoveryOptions options)
    {
        if (failedPasses > 0)
        {
            double ticks = options.RetryDelay.Ticks * Math.Pow(2, failedPasses - 1);
            return ticks < options.Period.Ticks
                ? new PassSchedule(TimeSpan.FromTicks((long)ticks), PassReason.Retry)
                : new PassSchedule(options.Period, PassReason.Retry);
        }

        if (earliestDue - now is { } untilDue && untilDue < options.Period)
        {
            TimeSpan delay = untilDue < LeastDueDelay ? LeastDueDelay : untilDue;
            return new PassSchedule(delay < options.Period ? delay : options.Period, PassReason.Due);
        }

        return new PassSchedule(options.Period, PassReason.Periodic);
    }
}
