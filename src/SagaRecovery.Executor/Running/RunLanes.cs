using SagaRecovery.Status;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// The slots of each definition, and the runs that wait for one. A definition with a limit of its own has its own queue, so that other
/// definitions pass it when it is at its limit; all others share one queue. Not thread-safe: the lock of the <see cref="RunTable"/> guards it.
/// </summary>
/// <param name="limits">The limits of single definitions, by name.</param>
internal sealed class RunLanes(IReadOnlyDictionary<string, int> limits)
{
    private readonly Dictionary<string, Lane> _lanes = new(StringComparer.Ordinal); // one for each definition that has run
    private readonly RunQueue _shared = new();
    private readonly List<RunQueue> _limited = [];
    private long _queued; // numbers the queued runs, so that the oldest of several queues can be found

    public int Waiting { get; private set; }

    /// <summary>The runs that wait for a slot.</summary>
    public IEnumerable<SagaRun> Queued => _limited.Append(_shared).SelectMany(queue => queue.Runs);

    /// <summary>The number of runs with a slot and of those without, by definition.</summary>
    public IEnumerable<(string Definition, int Running, int Waiting)> Counts =>
        _lanes.Select(lane => (lane.Key, lane.Value.Running, lane.Value.Waiting));

    /// <summary>The number of resumed runs that wait for a slot, without those of definitions with a limit of their own.</summary>
    public int SharedResumed => _shared.Resumed;

    /// <summary>Returns the number of free slots of a definition, and of its resumed runs that wait for one; null if it has no limit of its own.</summary>
    public (int Free, int Resumed)? CountOwn(string definition) =>
        LaneOf(definition) is { Queue: var queue } lane && queue != _shared ? (lane.Limit - lane.Running + lane.Lent, queue.Resumed) : null;

    /// <summary>Returns the use of the slots of the definition if none of them is free; null if the definition has a free slot.</summary>
    public SlotUse? LimitReached(string definition) => LaneOf(definition) is { IsFull: true } lane ? new SlotUse(lane.Running - lane.Lent, lane.Limit) : null;

    /// <summary>Takes a slot of the definition of a run.</summary>
    public void Enter(SagaRun run) => LaneOf(run.Name).Running++;

    /// <summary>Frees the slot of a run that has ended.</summary>
    public void Leave(SagaRun run) => LaneOf(run.Name).Running--;

    /// <summary>Lets another run of the definition take the slot of a run that keeps running.</summary>
    public void Lend(SagaRun run) => LaneOf(run.Name).Lent++;

    /// <summary>Ends that.</summary>
    public void Return(SagaRun run) => LaneOf(run.Name).Lent--;

    public void Enqueue(SagaRun run)
    {
        Lane lane = LaneOf(run.Name);
        lane.Waiting++;
        Waiting++;
        run.QueueNumber = _queued++;
        lane.Queue.Append(run);
    }

    /// <summary>Removes a queued run.</summary>
    public void Dequeue(SagaRun run)
    {
        Lane lane = LaneOf(run.Name);
        lane.Queue.Remove(run);
        lane.Waiting--;
        Waiting--;
    }

    /// <summary>
    /// Removes the run that has waited longest among those whose turn it is in their queue, and whose definition has a free slot. Looks at the
    /// head of each queue only.
    /// </summary>
    public SagaRun? DequeueNext()
    {
        SagaRun? next = _shared.Head;
        foreach (RunQueue queue in _limited)
        {
            if (queue.Head is { } head && (next is null || head.QueueNumber < next.QueueNumber) && !LaneOf(head.Name).IsFull)
            {
                next = head;
            }
        }

        if (next is not null)
        {
            LaneOf(next.Name).Queue.EndTurn(next);
            Dequeue(next);
        }

        return next;
    }

    private Lane LaneOf(string definition)
    {
        if (!_lanes.TryGetValue(definition, out Lane? lane))
        {
            lane = limits.TryGetValue(definition, out int limit) ? new Lane(new RunQueue(), limit) : new Lane(_shared, int.MaxValue);
            _lanes.Add(definition, lane);
            if (lane.Queue != _shared)
            {
                _limited.Add(lane.Queue);
            }
        }

        return lane;
    }

    private sealed class Lane(RunQueue queue, int limit)
    {
        public RunQueue Queue => queue;

        public int Limit => limit;

        public int Running { get; set; }

        public int Waiting { get; set; }

        public int Lent { get; set; }

        public bool IsFull => Running - Lent >= limit;
    }
}
