using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>The sagas to recover that wait until the executor takes them: one queue for each definition, first in, first out.</summary>
/// <remarks>
/// The definitions take turns, so that one with many sagas does not keep the others waiting. A saga costs its entry, about 85 bytes, and
/// nothing else: it is loaded when its turn comes. Not thread-safe.
/// </remarks>
internal sealed class SlotQueue
{
    private readonly Dictionary<SagaId, Entry> _entries = [];
    private readonly Dictionary<string, int> _laneNumbers = new(StringComparer.Ordinal);
    private readonly List<SlotLane> _lanes = []; // one for each definition that has waited
    private int _nextLane; // the lane whose turn comes next
    private int _taken; // the entries that are being resumed
    private int _listed; // the entries in the listing that is being planned
    private long _pass; // the pass of that listing

    /// <summary>The number of sagas that wait. Sagas that are being resumed do not.</summary>
    public int Waiting => _entries.Count - _taken;

    /// <summary>The number of ids in the lanes. Some may no longer wait, and are skipped when their turn comes.</summary>
    public int Ids => _lanes.Sum(lane => lane.Ids);

    /// <summary>The sagas that wait, by definition.</summary>
    public IReadOnlyList<SlotBacklog> Backlog =>
        [.. _lanes.Where(lane => lane.Waiting > 0).Select(lane => new SlotBacklog(lane.Definition, lane.Waiting, SinceOfFirst(lane)))];

    /// <summary>The earliest time since which a saga in the queue has not been running; null if none waits.</summary>
    public DateTimeOffset? EarliestSince => _lanes.Where(lane => lane.Waiting > 0).Min(SinceOfFirst);

    /// <summary>The sagas in the queue, in no particular order.</summary>
    public IEnumerable<SagaId> Sagas => _entries.Keys;

    /// <summary>True if the queue holds a saga that waits or is being resumed.</summary>
    public bool Any => _entries.Count > 0;

    public bool Contains(SagaId sagaId) => _entries.ContainsKey(sagaId);

    /// <summary>Returns the time since which the saga has not been running; null if it does not wait.</summary>
    public DateTimeOffset? SinceOf(SagaId sagaId) => _entries.TryGetValue(sagaId, out Entry entry) ? entry.Since : null;

    /// <summary>Describes the wait of a saga; null if it does not wait.</summary>
    public SlotWait? Find(SagaId sagaId) => _entries.TryGetValue(sagaId, out Entry entry)
        ? new SlotWait(_lanes[entry.Lane].Definition, new AdoptGeneration(entry.Generation), entry.Since, _lanes[entry.Lane].Waiting)
        : null;

    /// <summary>Begins to plan a listing.</summary>
    public void BeginPlan(long pass)
    {
        _pass = pass;
        _listed = 0;
    }

    /// <summary>Reserves capacity for additional sagas. Growth by doubling would waste up to half of the memory.</summary>
    public void EnsureCapacity(int additionalSagas) => _entries.EnsureCapacity(_entries.Count + additionalSagas);

    /// <summary>Records that the listing holds a saga that waits. A newer generation is adopted, and the saga keeps its place.</summary>
    /// <returns>False if the saga does not wait.</returns>
    public bool MarkListed(Candidate candidate)
    {
        ref Entry entry = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, candidate.SagaId);
        if (Unsafe.IsNullRef(ref entry))
        {
            return false;
        }

        entry.Generation = Math.Max(entry.Generation, candidate.Generation.Value);
        _listed += entry.ListedInPass == _pass ? 0 : 1;
        entry.ListedInPass = _pass;
        return true;
    }

    /// <summary>Appends a listed saga to the queue of its definition.</summary>
    public void Enqueue(Candidate candidate, DateTimeOffset since)
    {
        int number = LaneOf(candidate.Name);
        _entries.Add(candidate.SagaId, new Entry { Generation = candidate.Generation.Value, SinceTicks = since.UtcTicks, ListedInPass = _pass, Lane = number, Definition = candidate.Definition });
        _listed++;
        SlotLane lane = _lanes[number];
        if (lane.IsMostlyStale)
        {
            lane.Compact(IsIn(number));
        }

        lane.Waiting++;
        lane.Append(candidate.SagaId);
    }

    /// <summary>Removes a saga: it was resumed, or must not be resumed by its turn.</summary>
    /// <returns>True if the saga was in the queue.</returns>
    public bool Remove(SagaId sagaId)
    {
        if (!_entries.Remove(sagaId, out Entry entry))
        {
            return false;
        }

        _listed -= entry.ListedInPass == _pass ? 1 : 0;
        if (entry.IsTaken)
        {
            _taken--;
        }
        else
        {
            _lanes[entry.Lane].Waiting--; // its id stays in the lane, and is skipped there
        }

        return true;
    }

    /// <summary>Removes a saga that runs here if it waits at the given or an older generation.</summary>
    public void RemoveUpTo(SagaId sagaId, AdoptGeneration generation)
    {
        if (_entries.TryGetValue(sagaId, out Entry entry) && entry.Generation <= generation.Value)
        {
            Remove(sagaId);
        }
    }

    /// <summary>Removes the sagas that the listing does not hold: finished, or no longer owned by this coordinator. No executor knows of them.</summary>
    public void ForgetNotListed()
    {
        if (_listed == _entries.Count)
        {
            return; // the common case: saves an iteration over all sagas
        }

        foreach ((SagaId sagaId, Entry entry) in _entries)
        {
            if (entry.ListedInPass != _pass)
            {
                Remove(sagaId); // Dictionary allows removal during enumeration
            }
        }
    }

    /// <summary>Removes the sagas that meet a condition, also those that are being resumed.</summary>
    /// <returns>The sagas, and the time since which each has not been running.</returns>
    public List<(Candidate Saga, DateTimeOffset Since)> RemoveAll(Func<Candidate, bool> condition)
    {
        List<(Candidate Saga, DateTimeOffset Since)> removed = [];
        foreach ((SagaId sagaId, Entry entry) in _entries)
        {
            Candidate candidate = Describe(sagaId, entry);
            if (condition(candidate))
            {
                removed.Add((candidate, entry.Since));
                Remove(sagaId); // Dictionary allows removal during enumeration
            }
        }

        return removed;
    }

    /// <summary>Returns true if a saga waits that the executor would take.</summary>
    public bool HasSagaFor(ExecutorCapacity? capacity)
    {
        var room = new RemainingCapacity(capacity);
        return _lanes.Exists(lane => lane.Waiting > 0 && room.Has(lane.Definition));
    }

    /// <summary>Takes the next sagas for which the executor has capacity. One definition after the other gives one saga.</summary>
    /// <param name="capacity">The capacity of the executor; null for no limit.</param>
    /// <param name="most">The maximum number of sagas.</param>
    /// <param name="mayResume">Returns false for a saga that must not be resumed now. It leaves the queue, and the next pass decides on it.</param>
    /// <remarks>The sagas stay in the queue as taken, until <see cref="Remove"/> or <see cref="PutBack"/>.</remarks>
    public List<Candidate> Take(ExecutorCapacity? capacity, int most, Func<SagaId, AdoptGeneration, bool> mayResume)
    {
        var room = new RemainingCapacity(capacity);
        List<Candidate> taken = [];
        int inVain = 0; // lanes in a row that gave no saga
        while (taken.Count < most && inVain < _lanes.Count)
        {
            SlotLane lane = _lanes[_nextLane];
            inVain++;
            if (room.Has(lane.Definition) && TryTake(_nextLane, mayResume) is { } candidate)
            {
                room.Use(lane.Definition);
                taken.Add(candidate);
                inVain = 0;
            }

            _nextLane = (_nextLane + 1) % _lanes.Count;
        }

        return taken;
    }

    /// <summary>Releases the memory of an empty queue.</summary>
    public void TrimIfEmpty()
    {
        if (_entries.Count == 0 && _entries.Capacity > 0)
        {
            _entries.TrimExcess();
            _lanes.ForEach(lane => lane.Clear());
        }
    }

    /// <summary>Puts taken sagas back to the front of their queues, in their order.</summary>
    public void PutBack(IReadOnlyList<Candidate> candidates)
    {
        for (int i = candidates.Count - 1; i >= 0; i--)
        {
            ref Entry entry = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, candidates[i].SagaId);
            if (!Unsafe.IsNullRef(ref entry) && entry.IsTaken)
            {
                entry.IsTaken = false;
                _taken--;
                _lanes[entry.Lane].Waiting++;
                _lanes[entry.Lane].Front.Push(candidates[i].SagaId);
            }
        }
    }

    private Candidate? TryTake(int number, Func<SagaId, AdoptGeneration, bool> mayResume)
    {
        SlotLane lane = _lanes[number];
        while (lane.Waiting > 0 && lane.TryDequeue(out SagaId sagaId))
        {
            ref Entry entry = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, sagaId);
            if (Unsafe.IsNullRef(ref entry) || entry.IsTaken || entry.Lane != number)
            {
                continue; // it left the queue before
            }

            var generation = new AdoptGeneration(entry.Generation);
            if (!mayResume(sagaId, generation))
            {
                Remove(sagaId);
                continue;
            }

            entry.IsTaken = true;
            _taken++;
            lane.Waiting--;
            return Describe(sagaId, entry);
        }

        return null;
    }

    private Candidate Describe(SagaId sagaId, Entry entry) =>
        new(sagaId, _lanes[entry.Lane].Definition, new AdoptGeneration(entry.Generation)) { Definition = entry.Definition };

    private DateTimeOffset? SinceOfFirst(SlotLane lane) => lane.TryPeek(IsIn(LaneOf(lane.Definition)), out SagaId first) ? _entries[first].Since : null;

    /// <summary>Returns a test for the ids of a lane that still wait in it.</summary>
    private Func<SagaId, bool> IsIn(int number) => sagaId => _entries.TryGetValue(sagaId, out Entry entry) && !entry.IsTaken && entry.Lane == number;

    private int LaneOf(string definition)
    {
        if (!_laneNumbers.TryGetValue(definition, out int number))
        {
            number = _lanes.Count;
            _lanes.Add(new SlotLane(definition));
            _laneNumbers.Add(definition, number);
        }

        return number;
    }

    /// <summary>One saga in the queue. A mutable struct that is changed in place.</summary>
    private struct Entry
    {
        public long Generation;
        public long SinceTicks; // UTC: the time since which it has not been running
        public long ListedInPass;
        public DefinitionKey? Definition;
        public int Lane;
        public bool IsTaken;

        public readonly DateTimeOffset Since => new(SinceTicks, TimeSpan.Zero);
    }
}
