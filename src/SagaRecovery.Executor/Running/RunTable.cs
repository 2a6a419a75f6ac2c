using SagaRecovery.Fencing;

namespace SagaRecovery.Executor.Running;

/// <summary>What became of a run that asked to be let in.</summary>
internal enum Admission
{
    /// <summary>It has a place, and is to begin now.</summary>
    Begins,

    /// <summary>It is in, and begins when there is room.</summary>
    Waits,

    /// <summary>The saga runs already, at this generation or a newer one.</summary>
    RunsAlready,

    /// <summary>No run is let in any more.</summary>
    Closed,
}

/// <summary>
/// The runs of this process: one to a saga id, so many at a time, the rest in the order of their coming. Thread-safe.
/// </summary>
internal sealed class RunTable(int maxRunning)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SagaId, SagaRun> _current = []; // the newest run of each saga, running or waiting
    private readonly HashSet<SagaRun> _running = []; // replaced ones included, until they are over
    private readonly LinkedList<SagaRun> _waiting = new();
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
                return _waiting.Count;
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

    /// <summary>Whether a run at this generation would be one too many.</summary>
    public bool RunsAlready(SagaId sagaId, AdoptGeneration generation)
    {
        lock (_lock)
        {
            return _current.TryGetValue(sagaId, out SagaRun? current) && Outranks(current, generation);
        }
    }

    /// <summary>Lets a run in, in place of an older one of the same saga.</summary>
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
                if (Outranks(existing, run.Generation))
                {
                    return Admission.RunsAlready;
                }

                run.Predecessor = existing.Place is null ? existing.Handle.Completion : existing.Predecessor;
                Oust(existing, StopReason.Replaced);
            }

            _current[run.Id] = run;
            if (_running.Count < maxRunning)
            {
                _running.Add(run);
                return Admission.Begins;
            }

            run.Place = _waiting.AddLast(run);
            return Admission.Waits;
        }
    }

    /// <summary>Takes out a run that is over.</summary>
    /// <returns>The run that is to begin in its place.</returns>
    public SagaRun? Leave(SagaRun run)
    {
        lock (_lock)
        {
            Forget(run);
            _running.Remove(run);
            if (_waiting.First is not { Value: var next } || _running.Count >= maxRunning)
            {
                return null;
            }

            _waiting.RemoveFirst();
            next.Place = null;
            _running.Add(next);
            return next;
        }
    }

    /// <summary>Stops the run of a saga at this or an older generation, if there is one that is not at its end.</summary>
    public bool TryTakeAway(SagaId sagaId, AdoptGeneration upTo)
    {
        lock (_lock)
        {
            if (!_current.TryGetValue(sagaId, out SagaRun? current) || current.Generation > upTo || !current.TryTakeAway())
            {
                return false;
            }

            Oust(current, StopReason.TakenAway);
            return true;
        }
    }

    /// <summary>Stops all runs and lets none in any more.</summary>
    /// <returns>Completes when all are over.</returns>
    public Task CloseAsync(StopReason reason)
    {
        lock (_lock)
        {
            _closed ??= reason;
            foreach (SagaRun run in _waiting.Concat(_running).ToArray())
            {
                Oust(run, reason);
            }

            return Task.WhenAll(_running.Select(run => run.Handle.Completion));
        }
    }

    /// <summary>A run that is stopping does not count: its saga may be handed over again at the same generation.</summary>
    private static bool Outranks(SagaRun current, AdoptGeneration generation) =>
        current.Generation > generation || (current.Generation == generation && !current.IsStopping);

    /// <summary>Stops a run. One that waits is over at once; one that runs stays in until its actions have ended.</summary>
    private void Oust(SagaRun run, StopReason reason)
    {
        run.Stop(reason);
        if (run.Place is { } place)
        {
            _waiting.Remove(place);
            run.Place = null;
            Forget(run);
            run.CompleteUnbegun();
        }
    }

    private void Forget(SagaRun run)
    {
        if (_current.TryGetValue(run.Id, out SagaRun? current) && ReferenceEquals(current, run))
        {
            _current.Remove(run.Id);
        }
    }
}
