namespace SagaRecovery.Bookkeeping;

/// <summary>The queue of one definition in a <see cref="SlotQueue"/>. It may hold ids that no longer wait, which its reader skips. Not thread-safe.</summary>
internal sealed class SlotLane(string definition)
{
    /// <summary>The number of ids up to which a lane is never compacted.</summary>
    private const int Large = 1024;

    private Queue<SagaId> _ids = new();

    public string Definition => definition;

    /// <summary>The number of sagas that wait in this lane.</summary>
    public int Waiting { get; set; }

    /// <summary>The sagas that were taken and put back.</summary>
    public Stack<SagaId> Front { get; } = new();

    /// <summary>The number of ids, of which some may no longer wait.</summary>
    public int Ids => _ids.Count + Front.Count;

    /// <summary>True if more than half of many ids no longer wait.</summary>
    public bool IsMostlyStale => _ids.Count > Large && _ids.Count > 2 * Waiting;

    public void Append(SagaId sagaId) => _ids.Enqueue(sagaId);

    /// <summary>Removes the ids that no longer wait.</summary>
    public void Compact(Func<SagaId, bool> waits) =>
        _ids = new Queue<SagaId>(_ids.Where(waits).Distinct()); // an id that left the queue and came back is in the lane twice

    public bool TryDequeue(out SagaId sagaId) => Front.TryPop(out sagaId) || _ids.TryDequeue(out sagaId);

    /// <summary>Finds the first id that waits, and removes those before it.</summary>
    public bool TryPeek(Func<SagaId, bool> waits, out SagaId first)
    {
        while (Front.TryPeek(out first) || _ids.TryPeek(out first))
        {
            if (waits(first))
            {
                return true;
            }

            TryDequeue(out _);
        }

        return false;
    }

    /// <summary>Removes all ids, and releases their memory.</summary>
    public void Clear()
    {
        _ids = new Queue<SagaId>();
        Front.Clear();
    }
}
