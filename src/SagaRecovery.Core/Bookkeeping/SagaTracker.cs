using System.Runtime.CompilerServices;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>Tracks the sagas that may be running in this process and makes all decisions of recovery.</summary>
/// <remarks>Passes must not overlap. Queries during a pass are answered between two of its steps. Thread-safe.</remarks>
public sealed partial class SagaTracker
{
    private readonly Lock _lock = new();
    private readonly StartInbox _inbox;
    private readonly SagaTable<TrackedSaga> _tracked = new();
    private readonly DefinitionBackoff _definitions;
    private readonly WaitingSagas _waiting;
    private readonly CrashGuard _guard;
    private readonly List<SagaId> _alreadyRunning = []; // reused by every pass, so that a known saga costs no allocation
    private int _trackedAndListed; // the number of tracked sagas in the listing that is being planned
    private OpenedPass? _openPass;
    private DrainedStarts _drainedBetweenPasses = DrainedStarts.None; // drained by Observe; the next drain of a pass reports them
    private DateTimeOffset? _idleSince; // of the sagas left by the previous process; null once all have been attempted
    private long _drainCount;
    private long _passCount;

    /// <summary>Initializes a tracker without sagas.</summary>
    /// <param name="inbox">The inbox in which starts are announced. This tracker must be its only reader.</param>
    /// <param name="backoff">The backoff of failed sagas.</param>
    /// <param name="crashGuard">The policy of recovery after a crash; null for <see cref="CrashGuardPolicy.Default"/>.</param>
    public SagaTracker(StartInbox inbox, BackoffPolicy backoff, CrashGuardPolicy? crashGuard = null)
    {
        _inbox = inbox;
        _definitions = new DefinitionBackoff(backoff);
        _waiting = new WaitingSagas(backoff, _definitions);
        _guard = new CrashGuard(crashGuard ?? CrashGuardPolicy.Default);
    }

    /// <summary>The number of sagas that may be running in this process.</summary>
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

    /// <summary>The sagas of this coordinator that are not running, as of the last pass.</summary>
    /// <value>Sagas that failed, whose definition is unknown, or whose row could not be read. Those that wait for a slot are not among them.</value>
    public IReadOnlyList<WaitingSaga> Waiting
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Except(_slots);
            }
        }
    }

    /// <summary>The definitions that the executor does not know, as of the last pass, with the number of sagas of each.</summary>
    public IReadOnlyList<UnknownDefinitionSagas> UnknownDefinitions
    {
        get
        {
            lock (_lock)
            {
                return _waiting.UnknownDefinitions(_slots);
            }
        }
    }

    /// <summary>The time since which some saga of this coordinator has been in progress without running; null if all run or wait for a slot.</summary>
    public DateTimeOffset? IdleSince
    {
        get
        {
            lock (_lock)
            {
                DateTimeOffset? waiting = _waiting.EarliestSinceExcept(_slots);
                return _idleSince is null || waiting < _idleSince ? waiting : _idleSince;
            }
        }
    }

    /// <summary>The time at which sagas that wait for a probation to end may be resumed; null if none waits for one.</summary>
    public DateTimeOffset? NextTurn
    {
        get
        {
            lock (_lock)
            {
                return _guard.NextTurn(othersWait: _slots.Waiting > 0);
            }
        }
    }

    /// <summary>Records the end of the previous process. Must be called once, before the first plan.</summary>
    /// <param name="previous">The previous process.</param>
    /// <param name="suspects">The sagas that were not yet past probation when it crashed.</param>
    public void RecordPreviousProcess(PreviousProcess previous, IReadOnlyList<Suspect> suspects)
    {
        lock (_lock)
        {
            _idleSince = previous.LastSeen;
            _guard.Begin(suspects, previous.Crashed, previous.Loop);
        }
    }

    /// <summary>Records that no resumed saga is on probation any more: each has ended or completed a step. The next suspects may be resumed.</summary>
    public void EndProbation(DateTimeOffset now)
    {
        lock (_lock)
        {
            _guard.EndProbation(now);
        }
    }

    /// <summary>Returns the tracker's knowledge of one saga, including starts that no pass has read yet.</summary>
    public TrackedSagaInfo Observe(SagaId sagaId, DateTimeOffset now)
    {
        lock (_lock)
        {
            _drainedBetweenPasses = _drainedBetweenPasses.Plus(DrainInbox(now));
            ref TrackedSaga saga = ref _tracked.Find(sagaId);
            return new TrackedSagaInfo
            {
                Run = !Unsafe.IsNullRef(ref saga) && saga.IsLive ? saga.Describe() : null,
                Waiting = _slots.Contains(sagaId) ? null : _waiting.Find(sagaId),
                Slot = _slots.Find(sagaId),
                IsSuspect = _guard.IsSuspect(sagaId),
            };
        }
    }

    /// <summary>Returns true if the executor may run a saga, as far as is known before it is loaded: it does not report its definitions without this one.</summary>
    public bool MayRun(Candidate candidate)
    {
        lock (_lock)
        {
            return !_definitions.IsMissing(candidate.Definition);
        }
    }

    /// <summary>Makes a saga in backoff due, so that the next pass attempts it.</summary>
    /// <returns>True if the saga was in backoff.</returns>
    public bool MakeDue(SagaId sagaId, DateTimeOffset now)
    {
        lock (_lock)
        {
            return _waiting.MakeDue(sagaId, now);
        }
    }

    /// <summary>Opens the next pass by draining the starts.</summary>
    /// <param name="reason">The trigger of the pass. A pass with <see cref="PassReason.Explicit"/> also attempts sagas that are not yet due.</param>
    /// <param name="now">The current time.</param>
    /// <exception cref="InvalidOperationException">The previous pass has not ended, or a refill has not.</exception>
    public OpenedPass OpenPass(PassReason reason, DateTimeOffset now) => Open(reason, now, isDryRun: false);

    /// <summary>Opens a pass whose plan is only reported. Its plan resumes no saga, and lets none wait for a slot.</summary>
    /// <param name="now">The current time.</param>
    /// <inheritdoc cref="OpenPass" path="/exception" />
    public OpenedPass OpenDryRun(DateTimeOffset now) => Open(PassReason.Explicit, now, isDryRun: true);

    /// <summary>Reads all messages of the inbox.</summary>
    /// <returns>The messages read since the last drain of a pass, and the number of this drain.</returns>
    internal (DrainedStarts Starts, long Number) Drain(DateTimeOffset now)
    {
        lock (_lock)
        {
            DrainedStarts drained = _drainedBetweenPasses.Plus(DrainInbox(now));
            _drainedBetweenPasses = DrainedStarts.None;
            return (drained, _drainCount);
        }
    }

    /// <summary>Returns the time since which a saga that is being resumed has not been running, as far as this process knows.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="startedAt">The start of the pass or the refill that resumes it.</param>
    public DateTimeOffset IdleSinceOf(SagaId sagaId, DateTimeOffset startedAt)
    {
        lock (_lock)
        {
            return _waiting.SinceOf(sagaId) ?? _slots.SinceOf(sagaId) ?? _idleSince ?? startedAt;
        }
    }

    /// <summary>Returns the name of the definition of a saga that waits; empty if the saga does not wait, or no listing has named it yet.</summary>
    internal string NameOf(SagaId sagaId)
    {
        lock (_lock)
        {
            return _waiting.Find(sagaId)?.Name ?? _slots.Find(sagaId)?.Definition ?? "";
        }
    }

    /// <summary>Records that every saga left by the previous process has been attempted.</summary>
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
            if (ReferenceEquals(_openPass, pass))
            {
                _openPass = null;
            }
        }
    }

    private OpenedPass Open(PassReason reason, DateTimeOffset now, bool isDryRun)
    {
        lock (_lock)
        {
            ThrowIfBusy();
            DrainedStarts drained = Drain(now).Starts;
            _openPass = new OpenedPass(this, new PassStart(++_passCount, reason, now), _drainCount, drained) { IsDryRun = isDryRun };
            return _openPass;
        }
    }

    private DrainedStarts DrainInbox(DateTimeOffset now)
    {
        _drainCount++;
        List<SagaId> announced = [];
        List<InterruptedRun> interrupted = [];
        List<SagaId> violations = [];
        while (_inbox.TryRead(out StartMessage message))
        {
            (SagaId sagaId, long number) = message.Lease;
            ref TrackedSaga saga = ref _tracked.GetOrAdd(sagaId, out bool known);
            switch (message.Kind)
            {
                case StartMessageKind.Announced:
                    // The row was listed before its announcement. Unless this start fails, its caller inserted the row too early.
                    bool afterListing = (known && saga.IsRecovered) || _waiting.Contains(sagaId) || _slots.Contains(sagaId);
                    saga.Announce(number, afterListing);
                    announced.Add(sagaId);
                    break;
                case StartMessageKind.Confirmed:
                    if (saga.Confirm(number, message.Generation, _drainCount))
                    {
                        violations.Add(sagaId);
                    }

                    if (saga.IsRunning)
                    {
                        _waiting.RemoveUpTo(sagaId, saga.Generation);
                        _slots.RemoveUpTo(sagaId, saga.Generation);
                    }

                    break;
                case StartMessageKind.Withdrawn:
                    saga.Withdraw(number);
                    break;
                case StartMessageKind.Ended:
                    saga.EndRunsUpTo(message.Generation, _drainCount);
                    break;
                case StartMessageKind.Interrupted:
                    string reason = message.Reason ?? "the executor interrupted its run, and gave no reason";
                    interrupted.Add(new InterruptedRun(sagaId, message.Generation, reason, now)
                    {
                        IsRequested = message.IsRequested,
                        WasRecovered = !message.IsRequested && saga.CountsAsRecoveredUpTo(message.Generation),
                    });
                    saga.InterruptRunsUpTo(message.Generation, _drainCount);
                    if (!saga.IsRunning)
                    {
                        _waiting.NoteInterrupted(sagaId, message.Generation, reason, saga.PriorFailures, _passCount, now);
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
