using System.Runtime.InteropServices;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>
/// The set of sagas that may be running in this process, and what to do about each saga that a listing shows. All decisions of
/// recovery are taken here. Passes do not overlap; whoever asks about a saga during one is answered between two of its steps.
/// Thread-safe.
/// </summary>
public sealed partial class SagaTracker
{
    private readonly Lock _lock = new();
    private readonly StartInbox _inbox;
    private readonly Dictionary<SagaId, TrackedSaga> _tracked = [];
    private readonly WaitingSagas _waiting;
    private readonly CrashGuard _guard;
    private readonly List<SagaId> _alreadyRunning = []; // reused from pass to pass: a known saga costs a pass no allocation
    private int _trackedAndListed; // how many of the tracked sagas the listing that is being planned holds
    private OpenedPass? _open;
    private DrainedStarts _seenBetween = DrainedStarts.None; // drained for someone's question; the next drain of a pass reports it
    private DateTimeOffset? _idleSince; // of the sagas that the process before this one left behind, until all have been attempted
    private long _drains;
    private long _passes;

    /// <summary>A tracker that knows no saga yet.</summary>
    /// <param name="inbox">Where starts are announced; this tracker is its only reader.</param>
    /// <param name="backoff">When a failed saga is tried again.</param>
    /// <param name="crashGuard">How recovery behaves after a crash; null: the defaults.</param>
    public SagaTracker(StartInbox inbox, BackoffPolicy backoff, CrashGuardPolicy? crashGuard = null)
    {
        _inbox = inbox;
        _waiting = new WaitingSagas(backoff);
        _guard = new CrashGuard(crashGuard ?? CrashGuardPolicy.Default);
    }

    /// <summary>Sagas that may be running in this process.</summary>
    public int Tracked
    {
        get
        {
            lock (_lock)
            {
                return _tracked.Count;
            }
        }
    }

    /// <summary>Sagas in progress and ours that are not running: they failed, are not here or cannot be read, as of the last pass.</summary>
    public IReadOnlyList<WaitingSaga> Waiting
    {
        get
        {
            lock (_lock)
            {
                return _waiting.All;
            }
        }
    }

    /// <summary>Since when some saga in progress and ours has been run by nobody, as of the last pass; null: all run.</summary>
    public DateTimeOffset? IdleSince
    {
        get
        {
            lock (_lock)
            {
                DateTimeOffset? waiting = _waiting.EarliestSince;
                return _idleSince is null || waiting < _idleSince ? waiting : _idleSince;
            }
        }
    }

    /// <summary>When sagas that wait for the probation of others may be handed over; null: none does.</summary>
    public DateTimeOffset? NextTurn
    {
        get
        {
            lock (_lock)
            {
                return _guard.NextTurn;
            }
        }
    }

    /// <summary>Takes note of how the process before this one ended: once, before the first plan.</summary>
    /// <param name="previous">The process before this one.</param>
    /// <param name="suspects">What it had in hand, if it died shortly after handing that over.</param>
    public void Follow(PreviousProcess previous, IReadOnlyList<Suspect> suspects)
    {
        lock (_lock)
        {
            _idleSince = previous.LastSeen;
            _guard.Begin(suspects, previous.Crashed);
        }
    }

    /// <summary>What is known of one saga, by starts that no pass has read yet, too.</summary>
    public TrackedSagaInfo Observe(SagaId sagaId, DateTimeOffset now)
    {
        lock (_lock)
        {
            _seenBetween = _seenBetween.Plus(DrainInbox(now));
            return new TrackedSagaInfo
            {
                Run = _tracked.TryGetValue(sagaId, out TrackedSaga saga) && saga.IsLive ? saga.Describe() : null,
                Waiting = _waiting.Find(sagaId),
                IsSuspect = _guard.Suspects(sagaId),
            };
        }
    }

    /// <summary>Lets a saga that is backing off be tried by the next pass.</summary>
    /// <returns>Whether it was backing off.</returns>
    public bool MakeDue(SagaId sagaId, DateTimeOffset now)
    {
        lock (_lock)
        {
            return _waiting.MakeDue(sagaId, now);
        }
    }

    /// <summary>Opens the next pass by draining the starts.</summary>
    /// <param name="reason">What asked for the pass. An explicit one tries sagas that are backing off at once.</param>
    /// <param name="now">The present time.</param>
    /// <exception cref="InvalidOperationException">The pass before it is not over.</exception>
    public OpenedPass OpenPass(PassReason reason, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (_open is not null)
            {
                throw new InvalidOperationException($"Pass {_open.Start.Iteration} is still open: passes do not overlap.");
            }

            DrainedStarts drained = Drain(now).Starts;
            _open = new OpenedPass(this, new PassStart(++_passes, reason, now), _drains, drained);
            return _open;
        }
    }

    /// <returns>What it showed, and its number.</returns>
    internal (DrainedStarts Starts, long Number) Drain(DateTimeOffset now)
    {
        lock (_lock)
        {
            DrainedStarts drained = _seenBetween.Plus(DrainInbox(now));
            _seenBetween = DrainedStarts.None;
            return (drained, _drains);
        }
    }

    /// <summary>Since when nobody has run a saga that this pass hands over, as far as this process can tell.</summary>
    public DateTimeOffset IdleSinceOf(SagaId sagaId, PassStart pass)
    {
        lock (_lock)
        {
            return _waiting.SinceOf(sagaId) ?? _idleSince ?? pass.StartedAt;
        }
    }

    /// <summary>Every saga that nobody ran has been attempted: what the process before this one left behind is dealt with.</summary>
    internal void NoteAllAttempted()
    {
        lock (_lock)
        {
            _idleSince = null;
        }
    }

    internal void Close(OpenedPass pass)
    {
        lock (_lock)
        {
            if (ReferenceEquals(_open, pass))
            {
                _open = null;
            }
        }
    }

    private DrainedStarts DrainInbox(DateTimeOffset now)
    {
        _drains++;
        List<SagaId> announced = [];
        List<SagaId> interrupted = [];
        List<SagaId> violations = [];
        while (_inbox.TryRead(out StartMessage message))
        {
            (SagaId sagaId, long number) = message.Lease;
            ref TrackedSaga saga = ref CollectionsMarshal.GetValueRefOrAddDefault(_tracked, sagaId, out bool known);
            switch (message.Kind)
            {
                case StartMessageKind.Announced:
                    // A row that was listed before its announcement: a caller that inserts first, unless this start comes to nothing.
                    bool afterListing = (known && saga.IsRecovered) || _waiting.Contains(sagaId);
                    saga.Announce(number, afterListing);
                    announced.Add(sagaId);
                    break;
                case StartMessageKind.Confirmed:
                    if (saga.Confirm(number, message.Generation, _drains))
                    {
                        violations.Add(sagaId);
                    }

                    if (saga.IsRunning)
                    {
                        _waiting.RemoveUpTo(sagaId, saga.Generation);
                    }

                    break;
                case StartMessageKind.Withdrawn:
                    saga.Withdraw(number);
                    break;
                case StartMessageKind.Ended:
                    saga.EndRunsUpTo(message.Generation, _drains);
                    break;
                case StartMessageKind.Interrupted:
                    saga.InterruptRunsUpTo(message.Generation, _drains);
                    interrupted.Add(sagaId);
                    if (!saga.IsRunning)
                    {
                        _waiting.NoteCancelled(sagaId, message.Generation, saga.FailuresBefore, _passes, now);
                    }

                    break;
            }

            if (!saga.IsKnown)
            {
                _tracked.Remove(sagaId);
            }
        }

        return new DrainedStarts(announced, interrupted, violations);
    }
}
