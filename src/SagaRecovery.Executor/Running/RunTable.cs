using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Running;

/// <summary>The result of admitting a run to the table.</summary>
internal enum Admission
{
    /// <summary>The run has a slot. The caller starts it.</summary>
    Started,

    /// <summary>The run waits for a free slot.</summary>
    Queued,

    /// <summary>The saga is already running at this generation or a newer one.</summary>
    AlreadyRunning,

    /// <summary>The table is closed to new runs.</summary>
    Closed,
}

/// <summary>
/// The runs of this process: one per saga id, a limited number at a time and of each definition, the rest in first-in-first-out queues.
/// Thread-safe.
/// </summary>
/// <remarks>
/// No queued run could start while the table is at rest: either all slots are taken, or all slots of its definition. The end of a run
/// therefore lets at most one other run start.
/// </remarks>
/// <param name="maxRunning">The number of runs at a time.</param>
/// <param name="limits">The number of runs of single definitions at a time, by name.</param>
internal sealed class RunTable(int maxRunning, IReadOnlyDictionary<string, int> limits)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SagaId, SagaRun> _current = []; // the newest run of each saga, running or waiting
    private readonly HashSet<SagaRun> _running = []; // including replaced runs until they end
    private readonly RunLanes _lanes = new(limits);
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

    /// <summary>Finds the progress of the newest run of a saga.</summary>
    public SagaRunProgress? FindProgress(SagaId sagaId)
    {
        lock (_lock)
        {
            return _current.TryGetValue(sagaId, out SagaRun? run) ? run.ToProgress(run.QueueEntry is null ? null : DescribeLimit(run.Name)) : null;
        }
    }

    /// <summary>Lists the runs that have a slot, including replaced runs until they end.</summary>
    public IReadOnlyList<SagaRun> GetRunning()
    {
        lock (_lock)
        {
            return [.. _running];
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

                run.Predecessor = existing.QueueEntry is null ? existing.Handle.Completion : existing.Predecessor;
                StopRun(existing, StopReason.Replaced);
            }

            _current[run.Id] = run;
            if (_running.Count < maxRunning && _lanes.LimitReached(run.Name) is null)
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
            if (_running.Remove(run))
            {
                _lanes.Leave(run);
            }

            if (_running.Count >= maxRunning || _lanes.DequeueNext() is not { } next)
            {
                return null;
            }

            TakeSlot(next);
            return next;
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

            return Task.WhenAll(_running.Select(run => run.Handle.Completion));
        }
    }

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
        _running.Add(run);
        _lanes.Enter(run);
    }

    /// <summary>Names the limit that a queued run waits for, with its value.</summary>
    private string DescribeLimit(string definition) => _lanes.LimitReached(definition) is { } limit
        ? $"{DurableExecutorOptions.SectionName}:{nameof(DurableExecutorOptions.MaxRunningSagasByDefinition)}:{definition} = {limit}"
        : $"{DurableExecutorOptions.SectionName}:{nameof(DurableExecutorOptions.MaxRunningSagas)} = {maxRunning}";

    private void RemoveCurrent(SagaRun run)
    {
        if (_current.TryGetValue(run.Id, out SagaRun? current) && ReferenceEquals(current, run))
        {
            _current.Remove(run.Id);
        }
    }
}
