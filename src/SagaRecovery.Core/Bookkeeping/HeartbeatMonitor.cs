using SagaRecovery.Fencing;

namespace SagaRecovery.Bookkeeping;

/// <summary>The state of a coordinator.</summary>
public enum CoordinatorState
{
    /// <summary>The coordinator runs sagas and may be assigned more.</summary>
    Active,

    /// <summary>The coordinator accepts no new work and reassigns the sagas that it does not finish.</summary>
    Draining,

    /// <summary>The coordinator has shut down, or its sagas were taken over because its heartbeats stopped.</summary>
    Down,
}

/// <summary>A coordinator as read from the store at one moment.</summary>
/// <param name="Id">The id of the coordinator.</param>
/// <param name="Incarnation">The incarnation of its last process.</param>
/// <param name="State">The state of the coordinator.</param>
/// <param name="LastSeen">The time of its last heartbeat by the store's clock.</param>
public readonly record struct CoordinatorObservation(CoordinatorId Id, Incarnation Incarnation, CoordinatorState State, DateTimeOffset LastSeen);

/// <summary>Detects dead coordinators from repeated observations of their heartbeats.</summary>
/// <remarks>
/// Only silence that this monitor observed itself, without a gap, counts. A process that was suspended or cut off from the store does
/// not know which heartbeats it missed, so the monitor starts over after a gap. An observation without a recent heartbeat of the
/// observer itself is out of date, and the monitor starts over as well. Not thread-safe.
/// </remarks>
/// <param name="observer">The coordinator that observes the others.</param>
/// <param name="after">The time for which a coordinator must be silent before it is considered dead.</param>
/// <param name="longestGap">
/// The maximum time between two observations. The same limit applies to the age of the observer's own last heartbeat.
/// </param>
public sealed class HeartbeatMonitor(CoordinatorId observer, TimeSpan after, TimeSpan longestGap)
{
    /// <summary>The minimum number of observations before a coordinator is considered dead.</summary>
    public const int MinObservations = 3;

    private Dictionary<CoordinatorId, Silence> _silences = [];
    private (DateTimeOffset StoreTime, TimeSpan OwnTime)? _lastObservation;

    /// <summary>Processes one observation.</summary>
    /// <param name="coordinators">All coordinators, including the observer.</param>
    /// <param name="storeTime">The time of the observation by the store's clock.</param>
    /// <param name="ownTime">The time at which the observation ended, by a monotonic clock of this process.</param>
    /// <returns>The coordinators that are dead.</returns>
    public IReadOnlyList<CoordinatorObservation> Observe(IEnumerable<CoordinatorObservation> coordinators, DateTimeOffset storeTime, TimeSpan ownTime)
    {
        List<CoordinatorObservation> observations = [.. coordinators];
        bool continuous = _lastObservation is { } last
            && storeTime >= last.StoreTime && storeTime - last.StoreTime <= longestGap && ownTime - last.OwnTime <= longestGap
            && observations.Exists(one => one.Id == observer && storeTime - one.LastSeen <= longestGap);
        _lastObservation = (storeTime, ownTime);
        Dictionary<CoordinatorId, Silence> silences = [];
        foreach (CoordinatorObservation observation in observations.Where(one => one.Id != observer))
        {
            bool isSilent = continuous && _silences.TryGetValue(observation.Id, out Silence before)
                && (before.Last.Incarnation, before.Last.LastSeen) == (observation.Incarnation, observation.LastSeen);
            silences[observation.Id] = isSilent
                ? _silences[observation.Id].Continue(observation)
                : new Silence(observation, storeTime, ownTime, Observations: 1);
        }

        _silences = silences;
        return [.. silences.Values
            .Where(one => one.Observations >= MinObservations && storeTime - one.SinceStoreTime >= after && ownTime - one.SinceOwnTime >= after)
            .Select(one => one.Last)];
    }

    /// <summary>A series of observations without a new heartbeat.</summary>
    private readonly record struct Silence(CoordinatorObservation Last, DateTimeOffset SinceStoreTime, TimeSpan SinceOwnTime, int Observations)
    {
        public Silence Continue(CoordinatorObservation observation) => this with { Last = observation, Observations = Observations + 1 };
    }
}
