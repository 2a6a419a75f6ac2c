using System.Runtime.CompilerServices;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <content>The sagas that wait until the executor takes them, and the refills that resume them between two passes.</content>
public sealed partial class SagaTracker
{
    private readonly SlotQueue _slots = new();
    private Refill? _refill;

    /// <summary>The number of sagas that wait for a slot of the executor.</summary>
    public int WaitingForSlot
    {
        get
        {
            lock (_lock)
            {
                return _slots.Waiting;
            }
        }
    }

    /// <summary>The sagas that wait for a slot of the executor, by definition.</summary>
    public IReadOnlyList<SlotBacklog> SlotBacklog
    {
        get
        {
            lock (_lock)
            {
                return _slots.Backlog;
            }
        }
    }

    /// <summary>The sagas that may be running in this process while others wait for a slot of the executor; null if none waits.</summary>
    public IReadOnlyList<SagaId>? RunningBesideBacklog
    {
        get
        {
            lock (_lock)
            {
                return _slots.Waiting == 0
                    ? null
                    : [.. Enumerable.Range(0, _tracked.Count).Where(number => _tracked.At(number).IsLive).Select(_tracked.IdAt)];
            }
        }
    }

    /// <summary>Returns true if a saga waits for a slot of the executor, or has just got one and is being loaded.</summary>
    public bool WaitsForSlot(SagaId sagaId)
    {
        lock (_lock)
        {
            return _slots.Contains(sagaId);
        }
    }

    /// <summary>Returns true if a refill would resume a saga now.</summary>
    /// <param name="capacity">The capacity of the executor; null for no limit.</param>
    /// <param name="now">The current time.</param>
    public bool HasSagaFor(ExecutorCapacity? capacity, DateTimeOffset now)
    {
        lock (_lock)
        {
            return _guard.AllowsOthers(now) && _slots.HasSagaFor(capacity);
        }
    }

    /// <summary>Takes the next sagas that wait for a slot.</summary>
    /// <param name="capacity">The capacity of the executor; null for no limit.</param>
    /// <param name="most">The maximum number of sagas.</param>
    /// <param name="controls">The controls of the coordinator. They must be current: a saga that is held by now is not resumed.</param>
    /// <param name="now">The current time.</param>
    /// <returns>The refill, which the caller must complete. It has no sagas if recovery is paused, or after a crash while suspects are on probation.</returns>
    /// <remarks>
    /// A saga that waits was untracked when its pass planned it, and no row is inserted twice: this process has not started it. Loading
    /// checks again that it is in progress, owned by this coordinator, and at this generation.
    /// </remarks>
    /// <exception cref="InvalidOperationException">A pass or another refill has not ended.</exception>
    public Refill BeginRefill(ExecutorCapacity? capacity, int most, RecoveryControls controls, DateTimeOffset now)
    {
        lock (_lock)
        {
            ThrowIfBusy();
            bool mayResume = controls.Paused is null && _guard.AllowsOthers(now);
            List<Candidate> sagas = mayResume ? TakeForSlots(capacity, most, controls) : [];
            _refill = new Refill(this, new ResumeBasis(_drainCount, _passCount, now, IsRefill: true), sagas);
            return _refill;
        }
    }

    internal void EndRefill(Refill refill, IReadOnlyList<Candidate> notAttempted)
    {
        lock (_lock)
        {
            EndTurn(refill.Basis, notAttempted);
            if (ReferenceEquals(_refill, refill))
            {
                _refill = null;
            }
        }
    }

    /// <summary>
    /// Returns sagas that were not attempted to the queue. If the answers have shown that a definition is unknown, its sagas leave the queue and
    /// are withheld. Must follow all results.
    /// </summary>
    /// <returns>The number of sagas that waited and are withheld.</returns>
    internal int EndTurn(ResumeBasis basis, IReadOnlyList<Candidate> notAttempted)
    {
        lock (_lock)
        {
            int waited = _slots.Waiting;
            if (_definitions.TakeFoundUnknown() && _slots.Any)
            {
                foreach ((Candidate saga, DateTimeOffset since) in _slots.RemoveAll(saga => _definitions.Find(saga.Definition) is not null))
                {
                    Withhold(saga, basis.Pass, since, basis.StartedAt);
                }
            }

            int withheld = waited - _slots.Waiting;
            _slots.PutBack(notAttempted);
            _slots.TrimIfEmpty();
            return withheld;
        }
    }

    private List<Candidate> TakeForSlots(ExecutorCapacity? capacity, int most, RecoveryControls controls) =>
        _slots.Take(capacity, most, (sagaId, generation) => !controls.Holds(sagaId) && !IsLiveAt(sagaId, generation));

    /// <summary>Returns true if this process may be running the saga. It was announced late, so the next pass decides.</summary>
    private bool IsLiveAt(SagaId sagaId, AdoptGeneration generation)
    {
        ref TrackedSaga saga = ref _tracked.Find(sagaId);
        return !Unsafe.IsNullRef(ref saga) && saga.IsLive && saga.Generation >= generation;
    }

    private void ThrowIfBusy()
    {
        if (_openPass is not null)
        {
            throw new InvalidOperationException($"Pass {_openPass.Start.Iteration} is still open. Passes must not overlap.");
        }

        if (_refill is not null)
        {
            throw new InvalidOperationException("A refill is still open. Passes and refills must not overlap.");
        }
    }
}
