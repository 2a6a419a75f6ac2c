using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// The runs of this process: one per saga id, a limited number at a time and of each definition, the rest in queues.
/// Thread-safe.
/// </summary>
/// <remarks>
/// No queued run could start while the table is at rest: either all slots are taken, or all slots of its definition. The end of a run
/// therefore lets at most one other run start. A run whose step waits for another saga lends its slot meanwhile: runs that wait for
/// sagas that they have started would otherwise hold the slots which those need.
/// </remarks>
/// <param name="maxRunning">The number of runs at a time.</param>
/// <param name="limits">The number of runs of single definitions at a time, by name.</param>
internal sealed partial class RunTable(int maxRunning, IReadOnlyDictionary<string, int> limits)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SagaId, SagaRun> _current = []; // the newest run of each saga, running or waiting
    private readonly HashSet<SagaRun> _running = []; // including replaced runs until they end
    private readonly HashSet<SagaRun> _hung = []; // stopped runs without a slot whose steps do not end
    private readonly RunLanes _lanes = new(limits);
    private long _slotsTaken;
    private readonly SlotCapacity _capacity = new(maxRunning, limits);
    private bool _capacityReported; // to recovery, which has not asked for it since
    private int _lent; // the slots of runs whose steps wait for other sagas
    private StopReason? _closed;

    public int Running
    {
        get
        {
            lock (_lock)
            {
                return _running.Count;
            }
        }
    }

    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _lanes.Waiting;
            }
        }
    }

    /// <summary>The number of stopped runs whose steps do not end.</summary>
    public int Hung
    {
        get
        {
            lock (_lock)
            {
                return _hung.Count;
            }
        }
    }

    public StopReason? Closed
    {
        get
        {
            lock (_lock)
            {
                return _closed;
            }
        }
    }

    public SagaRun? Find(SagaId sagaId)
    {
        lock (_lock)
        {
            return _current.GetValueOrDefault(sagaId);
        }
    }

    /// <summary>Finds the progress of the newest run of a saga; of a stopped one whose steps do not end, if there is no newer one.</summary>
    public SagaRunProgress? FindProgress(SagaId sagaId)
    {
        lock (_lock)
        {
            SagaRun? run = _current.GetValueOrDefault(sagaId) ?? HungRunsOf(sagaId).FirstOrDefault();
            return run is { QueueEntry: not null } ? run.ToProgress(LimitOf(run.Name)) : run?.ToProgress();
        }
    }

    /// <summary>Lists the runs that have begun and not ended, including replaced and stopped ones.</summary>
    public IReadOnlyList<SagaRun> GetRunning()
    {
        lock (_lock)
        {
            return [.. _running, .. _hung];
        }
    }

    /// <summary>Counts the runs by definition. A definition that has never run is absent.</summary>
    public IReadOnlyDictionary<string, RunCount> Count()
    {
        lock (_lock)
        {
            ILookup<string, int> retrying = _running.ToLookup(run => run.Name, run => run.RetryingSteps);
            return _lanes.Counts.ToDictionary(
                count => count.Definition,
                count => new RunCount(count.Running, count.Waiting, retrying[count.Definition].Sum()));
        }
    }

    /// <summary>Returns true if a run at this generation would duplicate the current one.</summary>
    public bool IsAlreadyRunning(SagaId sagaId, AdoptGeneration generation)
    {
        lock (_lock)
        {
            return _current.TryGetValue(sagaId, out SagaRun? current) && Supersedes(current, generation);
        }
    }

    /// <summary>Admits a run, and replaces an older run of the same saga.</summary>
    public Admission Admit(SagaRun run, out SagaRun? existing)
    {
        lock (_lock)
        {
            existing = _current.GetValueOrDefault(run.Id);
            if (_closed is not null)
            {
                return Admission.Closed;
            }

            if (existing is not null)
            {
                if (Supersedes(existing, run.Generation))
                {
                    return Admission.AlreadyRunning;
                }

                run.Predecessors = existing.QueueEntry is null ? [existing] : existing.Predecessors;
                StopRun(existing, StopReason.Replaced);
            }

            if (_hung.Count > 0) // rare
            {
                run.Predecessors = [.. run.Predecessors, .. HungRunsOf(run.Id)];
            }

            _current[run.Id] = run;
            if (HasSlotFor(run.Name))
            {
                TakeSlot(run);
                return Admission.Started;
            }

            _lanes.Enqueue(run);
            return Admission.Queued;
        }
    }

    /// <summary>Removes a run that has ended, and frees its slot.</summary>
    /// <returns>The queued run that takes the slot. The caller starts it. Null if none is queued.</returns>
    public SagaRun? Remove(SagaRun run)
    {
        lock (_lock)
        {
            RemoveCurrent(run);
            _hung.Remove(run);
            LeaveSlot(run);
            return TakeNext();
        }
    }

    /// <summary>Lends the slot of a run whose step waits for another saga, which may need one.</summary>
    /// <returns>The queued run that takes the slot. The caller starts it. Null if none is queued.</returns>
    public SagaRun? LendSlot(SagaRun run)
    {
        lock (_lock)
        {
            if (!_running.Contains(run) || ++run.SagasAwaited > 1)
            {
                return null;
            }

            _lent++;
            _lanes.Lend(run);
            return TakeNext();
        }
    }

    /// <summary>Returns a lent slot once no step of the run waits. The run goes on at once, above the limit if the slot is taken.</summary>
    public void ReturnSlot(SagaRun run)
    {
        lock (_lock)
        {
            if (run.SagasAwaited > 0 && --run.SagasAwaited == 0)
            {
                _lent--;
                _lanes.Return(run);
            }
        }
    }

    /// <summary>Frees the slot of a stopped run whose steps do not end. Later runs of its saga still wait for it.</summary>
    /// <returns>True if the run had a slot; and the queued run that takes it, which the caller starts, or null.</returns>
    public (bool IsHung, SagaRun? Next) FreeSlot(SagaRun run)
    {
        lock (_lock)
        {
            if (!LeaveSlot(run))
            {
                return (false, null);
            }

            RemoveCurrent(run);
            _hung.Add(run);
            return (true, TakeNext());
        }
    }

    /// <summary>Stops the run of a saga at this generation or an older one. Returns false if none can be stopped.</summary>
    public bool TryRelinquish(SagaId sagaId, AdoptGeneration upTo)
    {
        lock (_lock)
        {
            if (!_current.TryGetValue(sagaId, out SagaRun? current) || current.Generation > upTo || !current.TryRelinquish())
            {
                return false;
            }

            StopRun(current, StopReason.Relinquished);
            return true;
        }
    }

    /// <summary>Stops the run of a held saga at the next step boundary.</summary>
    /// <returns>The run if it was queued and has ended therefore; otherwise null.</returns>
    public SagaRun? Suspend(SagaId sagaId)
    {
        lock (_lock)
        {
            if (!_current.TryGetValue(sagaId, out SagaRun? current))
            {
                return null;
            }

            if (current.QueueEntry is null)
            {
                current.Suspend();
                return null;
            }

            StopRun(current, StopReason.Held);
            return current;
        }
    }

    /// <summary>Stops all runs and admits no more.</summary>
    /// <returns>A task that completes when all runs have ended.</returns>
    public Task CloseAsync(StopReason reason)
    {
        lock (_lock)
        {
            _closed ??= reason;
            foreach (SagaRun run in _lanes.Queued.Concat(_running).ToArray())
            {
                StopRun(run, reason);
            }

            return Task.WhenAll(_running.Select(run => run.Ended));
        }
    }

    /// <summary>Finds the stopped runs of a saga whose steps do not end: few, since there are few such runs at all.</summary>
    private IEnumerable<SagaRun> HungRunsOf(SagaId sagaId) => _hung.Where(run => run.Id == sagaId);

    private int FreeSlots => maxRunning - _running.Count + _lent;

    private bool HasFreeSlot => FreeSlots > 0;

    private bool HasSlotFor(string definition) => HasFreeSlot && _lanes.LimitReached(definition) is null;

    /// <summary>A run that is stopping does not supersede: recovery may resume its saga again at the same generation.</summary>
    private static bool Supersedes(SagaRun current, AdoptGeneration generation) =>
        current.Generation > generation || (current.Generation == generation && !current.IsStopping);

    /// <summary>Stops a run. A queued run ends at once. A running one stays in the table until its actions have ended.</summary>
    private void StopRun(SagaRun run, StopReason reason)
    {
        run.Stop(reason);
        if (run.QueueEntry is not null)
        {
            _lanes.Dequeue(run);
            RemoveCurrent(run);
            run.CompleteWithoutStarting();
        }
    }

    private void TakeSlot(SagaRun run)
    {
        run.SlotNumber = _slotsTaken++;
        _running.Add(run);
        _lanes.Enter(run);
    }

    /// <returns>True if the run had a slot.</returns>
    private bool LeaveSlot(SagaRun run)
    {
        bool hadSlot = _running.Remove(run);
        if (hadSlot)
        {
            if (run.SagasAwaited > 0)
            {
                _lent--;
                _lanes.Return(run);
                run.SagasAwaited = 0;
            }

            _lanes.Leave(run);
        }

        return hadSlot;
    }

    private SagaRun? TakeNext()
    {
        if (!HasFreeSlot || _lanes.DequeueNext() is not { } next)
        {
            return null;
        }

        TakeSlot(next);
        return next;
    }

    private void RemoveCurrent(SagaRun run)
    {
        if (_current.TryGetValue(run.Id, out SagaRun? current) && ReferenceEquals(current, run))
        {
            _current.Remove(run.Id);
        }
    }
}
