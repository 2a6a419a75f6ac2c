using SagaRecovery.Fencing;

namespace SagaRecovery.Bookkeeping;

/// <summary>Where a coordinator stands.</summary>
public enum CoordinatorState
{
    /// <summary>It runs sagas, and may be assigned more.</summary>
    Active,

    /// <summary>It takes no new work, and gives away what it does not finish.</summary>
    Draining,

    /// <summary>It has shut down, or was silent and has been taken over from.</summary>
    Down,
}

/// <summary>A coordinator, as it was seen at one look.</summary>
/// <param name="Id">Which.</param>
/// <param name="Incarnation">Of its last process.</param>
/// <param name="State">Where it stands.</param>
/// <param name="LastSeen">When it last gave a sign of life, by the store's clock.</param>
public readonly record struct CoordinatorObservation(CoordinatorId Id, Incarnation Incarnation, CoordinatorState State, DateTimeOffset LastSeen);

/// <summary>
/// Judges which coordinators are dead, by looking again and again. Only silence that it has watched itself counts, without a gap: one
/// that was stalled, or cut off from the store, knows nothing of what others did meanwhile, and begins anew. A look that does not show
/// the watcher's own fresh sign of life is out of date, and begins anew, too. Not thread-safe.
/// </summary>
/// <param name="watcher">Who looks.</param>
/// <param name="after">How long a coordinator must have been watched in silence.</param>
/// <param name="longestGap">The longest time between two looks, and since the watcher's own sign of life, that is no gap.</param>
public sealed class HeartbeatMonitor(CoordinatorId watcher, TimeSpan after, TimeSpan longestGap)
{
    /// <summary>How many looks it takes at least.</summary>
    public const int MinObservations = 3;

    private Dictionary<CoordinatorId, Watched> _watched = [];
    private (DateTimeOffset Store, TimeSpan Own)? _lastObservation;

    /// <summary>Takes note of one look.</summary>
    /// <param name="seen">All coordinators.</param>
    /// <param name="storeTime">When it was so, by the store's clock.</param>
    /// <param name="ownTime">When the look ended, by a clock of this process that only goes forward.</param>
    /// <returns>Those that are dead.</returns>
    public IReadOnlyList<CoordinatorObservation> Observe(IEnumerable<CoordinatorObservation> seen, DateTimeOffset storeTime, TimeSpan ownTime)
    {
        List<CoordinatorObservation> sightings = [.. seen];
        bool continuous = _lastObservation is { } last
            && storeTime >= last.Store && storeTime - last.Store <= longestGap && ownTime - last.Own <= longestGap
            && sightings.Exists(sighting => sighting.Id == watcher && storeTime - sighting.LastSeen <= longestGap);
        _lastObservation = (storeTime, ownTime);
        Dictionary<CoordinatorId, Watched> watched = [];
        foreach (CoordinatorObservation sighting in sightings.Where(sighting => sighting.Id != watcher))
        {
            bool stalled = continuous && _watched.TryGetValue(sighting.Id, out Watched before)
                && (before.Sighting.Incarnation, before.Sighting.LastSeen) == (sighting.Incarnation, sighting.LastSeen);
            watched[sighting.Id] = stalled ? _watched[sighting.Id].Again(sighting) : new Watched(sighting, storeTime, ownTime, Observations: 1);
        }

        _watched = watched;
        return [.. watched.Values
            .Where(one => one.Observations >= MinObservations && storeTime - one.SinceByStore >= after && ownTime - one.SinceByOwn >= after)
            .Select(one => one.Sighting)];
    }

    private readonly record struct Watched(CoordinatorObservation Sighting, DateTimeOffset SinceByStore, TimeSpan SinceByOwn, int Observations)
    {
        public Watched Again(CoordinatorObservation sighting) => this with { Sighting = sighting, Observations = Observations + 1 };
    }
}
