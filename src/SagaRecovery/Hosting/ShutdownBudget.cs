using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace SagaRecovery.Hosting;

/// <summary>
/// The time that the host gives to a shutdown, with a reserve for its last part: sagas are reassigned and the shutdown is reported even if
/// an action does not end. Thread-safe.
/// </summary>
internal sealed class ShutdownBudget(IOptions<HostOptions> host, TimeProvider time)
{
    private static readonly TimeSpan s_longestReserve = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private long? _began;

    /// <summary>The time that the host gives to a shutdown.</summary>
    public TimeSpan Whole => host.Value.ShutdownTimeout;

    /// <summary>Starts the clock of the shutdown. Repeated calls are ignored.</summary>
    public void Begin()
    {
        lock (_lock)
        {
            _began ??= time.GetTimestamp();
        }
    }

    /// <summary>Returns the time, at most <paramref name="wanted"/>, for which a drain may wait. It leaves as much as the reserve for steps to stop.</summary>
    public TimeSpan DrainLimit(TimeSpan wanted) => Limit(wanted, reserves: 2);

    /// <summary>Returns the time, at most <paramref name="wanted"/>, that a part of the shutdown may take without the use of the reserve.</summary>
    public TimeSpan Limit(TimeSpan wanted) => Limit(wanted, reserves: 1);

    private TimeSpan Limit(TimeSpan wanted, int reserves)
    {
        if (Whole == Timeout.InfiniteTimeSpan)
        {
            return wanted;
        }

        TimeSpan reserve = TimeSpan.FromTicks(Math.Min(s_longestReserve.Ticks, Whole.Ticks / 4));
        TimeSpan left;
        lock (_lock)
        {
            left = Whole - (reserves * reserve) - (_began is { } began ? time.GetElapsedTime(began) : TimeSpan.Zero);
        }

        return left < TimeSpan.Zero ? TimeSpan.Zero : left < wanted ? left : wanted;
    }
}
