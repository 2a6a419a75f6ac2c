using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>
/// The set of sagas that may be running in this process, and what to do about each saga that a listing shows. All decisions of
/// recovery are taken here. Used by one pass at a time; not thread-safe, but for the inbox it reads.
/// </summary>
public sealed class SagaTracker
{
    private readonly StartInbox _inbox;
    private readonly Dictionary<SagaId, TrackedSaga> _tracked = [];
    private readonly Dictionary<SagaId, WaitingEntry> _waiting = [];
    private readonly HashSet<SagaId> _held = [];
    private readonly List<SagaId> _alreadyRunning = []; // reused from pass to pass: a known saga costs a pass no allocation
    private readonly BackoffPolicy _backoff;
    private OpenedPass? _open;
    private long _drains;
    private long _passes;

    /// <summary>A tracker that knows no saga yet.</summary>
    /// <param name="inbox">Where starts are announced; this tracker is its only reader.</param>
    /// <param name="backoff">When a failed saga is tried again.</param>
    public SagaTracker(StartInbox inbox, BackoffPolicy backoff)
    {
        _inbox = inbox;
        _backoff = backoff;
    }

    /// <summary>Sagas that may be running in this process.</summary>
    public int Tracked => _tracked.Count;

    /// <summary>Sagas in progress and ours that are not running: they failed, are not here or cannot be read, as of the last pass.</summary>
    public IEnumerable<WaitingSaga> Waiting =>
        _waiting.Select(pair => new WaitingSaga(pair.Key, pair.Value.Name, pair.Value.Failures, pair.Value.NextTry, pair.Value.Why));

    /// <summary>Keeps a saga from being handed over until it is released.</summary>
    public void Hold(SagaId sagaId) => _held.Add(sagaId);

    /// <summary>Lets a held saga be handed over again.</summary>
    public void Release(SagaId sagaId) => _held.Remove(sagaId);

    /// <summary>Opens the next pass by draining the starts.</summary>
    /// <param name="reason">What asked for the pass. An explicit one tries sagas that are backing off at once.</param>
    /// <param name="now">The present time.</param>
    /// <exception cref="InvalidOperationException">The pass before it is not over.</exception>
    public OpenedPass OpenPass(PassReason reason, DateTimeOffset now)
    {
        if (_open is not null)
        {
            throw new InvalidOperationException($"Pass {_open.Start.Iteration} is still open: passes do not overlap.");
        }

        DrainedStarts drained = Drain(now);
        _open = new OpenedPass(this, new PassStart(++_passes, reason, now), _drains, drained);
        return _open;
    }

    internal DrainedStarts Drain(DateTimeOffset now)
    {
        _drains++;
        List<SagaId> announced = [];
        List<SagaId> givenUp = [];
        List<SagaId> violations = [];
        while (_inbox.TryRead(out StartMessage message))
        {
            (SagaId sagaId, long number) = message.Lease;
            ref TrackedSaga saga = ref CollectionsMarshal.GetValueRefOrAddDefault(_tracked, sagaId, out bool known);
            switch (message.Kind)
            {
                case StartMessageKind.Announced:
                    // A row that was listed before its announcement: a caller that inserts first, unless this start comes to nothing.
                    bool afterListing = (known && saga.IsRecovered) || _waiting.ContainsKey(sagaId);
                    saga.Announce(number, afterListing);
                    announced.Add(sagaId);
                    break;
                case StartMessageKind.Confirmed:
                    if (saga.Confirm(number, message.Generation, _drains))
                    {
                        violations.Add(sagaId);
                    }

                    if (saga.IsRunning && _waiting.TryGetValue(sagaId, out WaitingEntry waiting) && waiting.Generation <= saga.Generation)
                    {
                        _waiting.Remove(sagaId);
                    }

                    break;
                case StartMessageKind.Withdrawn:
                    saga.Withdraw(number);
                    break;
                case StartMessageKind.GivenUp:
                    saga.GiveUpRunsUpTo(message.Generation);
                    givenUp.Add(sagaId);
                    if (!saga.IsRunning)
                    {
                        NoteFailure(sagaId, name: "", message.Generation, "the executor gave its run up", now);
                    }

                    break;
            }

            if (!saga.IsKnown)
            {
                _tracked.Remove(sagaId);
            }
        }

        return new DrainedStarts(announced, givenUp, violations);
    }

    internal RecoveryPlan MakePlan(OpenedPass pass, CandidateListing listing, DateTimeOffset now)
    {
        _alreadyRunning.Clear();
        var plan = new RecoveryPlan(pass, listing.Count, _alreadyRunning, listing.Unreadable);
        foreach (Candidate candidate in listing.Candidates)
        {
            PlanListed(plan, candidate, now);
        }

        foreach (UnreadableCandidate unreadable in listing.Unreadable)
        {
            PlanUnreadable(unreadable, pass.Start.Iteration);
        }

        PlanMissing(plan);
        ForgetWaitingNotListed(pass.Start.Iteration);
        return plan;
    }

    internal void ApplyHandOver(Candidate candidate, HandOverResult result, DateTimeOffset now)
    {
        switch (result)
        {
            case HandOverResult.Recovered or HandOverResult.AlreadyRunning:
                CollectionsMarshal.GetValueRefOrAddDefault(_tracked, candidate.SagaId, out _).SetRecovered(candidate.Generation);
                _waiting.Remove(candidate.SagaId);
                break;
            case HandOverResult.Failed failed:
                NoteFailure(candidate.SagaId, candidate.Name, candidate.Generation, failed.Error, now);
                break;
            case HandOverResult.NotHere notHere:
                _waiting[candidate.SagaId] = new WaitingEntry
                {
                    Name = candidate.Name,
                    Generation = candidate.Generation,
                    Why = notHere.Missing,
                    ListedInPass = _passes,
                };
                break;
            default: // abandoned, or moved on: no longer a candidate
                _waiting.Remove(candidate.SagaId);
                break;
        }
    }

    internal void ForgetRunsUpTo(SagaId sagaId, AdoptGeneration generation)
    {
        ref TrackedSaga saga = ref CollectionsMarshal.GetValueRefOrAddDefault(_tracked, sagaId, out _);
        saga.ForgetRunsUpTo(generation);
        if (!saga.IsKnown)
        {
            _tracked.Remove(sagaId);
        }
    }

    internal void ForgetSettledBy(SagaId sagaId, long drain)
    {
        ref TrackedSaga saga = ref CollectionsMarshal.GetValueRefOrAddDefault(_tracked, sagaId, out _);
        saga.ForgetSettledBy(drain);
        if (!saga.IsKnown)
        {
            _tracked.Remove(sagaId);
        }
    }

    internal void Close(OpenedPass pass)
    {
        if (ReferenceEquals(_open, pass))
        {
            _open = null;
        }
    }

    private void PlanListed(RecoveryPlan plan, Candidate candidate, DateTimeOffset now)
    {
        PassStart pass = plan.Pass.Start;
        ref TrackedSaga saga = ref MarkListed(candidate.SagaId, candidate.Name, pass.Iteration);
        bool known = !Unsafe.IsNullRef(ref saga);
        if (known && saga.Generation >= candidate.Generation)
        {
            plan.AlreadyRunningBucket.Add(candidate.SagaId);
        }
        else if (_held.Contains(candidate.SagaId))
        {
            plan.HeldBucket.Add(candidate);
        }
        else if (IsBackingOff(candidate, pass.Reason, now, out DateTimeOffset nextTry))
        {
            plan.BackingOffBucket.Add(new BackingOffSaga(candidate, nextTry));
        }
        else if (known)
        {
            plan.ReadoptedBucket.Add(new ReadoptedSaga(candidate, saga.Generation));
        }
        else
        {
            plan.RecoverBucket.Add(candidate);
        }
    }

    /// <summary>One that nobody here runs waits, with what is wrong with it, until its row can be read.</summary>
    private void PlanUnreadable(UnreadableCandidate unreadable, long pass)
    {
        if (!Unsafe.IsNullRef(ref MarkListed(unreadable.SagaId, name: "", pass)))
        {
            return;
        }

        ref WaitingEntry waiting = ref CollectionsMarshal.GetValueRefOrAddDefault(_waiting, unreadable.SagaId, out bool known);
        waiting = waiting with { Name = known ? waiting.Name : "", Why = unreadable.Error, ListedInPass = pass };
    }

    private void PlanMissing(RecoveryPlan plan)
    {
        foreach ((SagaId sagaId, TrackedSaga saga) in _tracked)
        {
            if (saga.ListedInPass == plan.Pass.Start.Iteration)
            {
                continue;
            }

            if (saga.WasSettledBy(plan.Pass.OpeningDrain))
            {
                plan.FinishedOrGoneBucket.Add(new GoneSaga(sagaId, saga.Generation));
            }
            else
            {
                plan.StartingBucket.Add(sagaId);
            }
        }
    }

    /// <summary>Notes that the listing of this pass held the saga.</summary>
    /// <returns>The tracked saga, or a null reference where it is not tracked.</returns>
    private ref TrackedSaga MarkListed(SagaId sagaId, string name, long pass)
    {
        if (_waiting.Count != 0)
        {
            ref WaitingEntry waiting = ref CollectionsMarshal.GetValueRefOrNullRef(_waiting, sagaId);
            if (!Unsafe.IsNullRef(ref waiting))
            {
                waiting.ListedInPass = pass;
                waiting.Name = name.Length > 0 ? name : waiting.Name; // an unreadable row has none
            }
        }

        ref TrackedSaga saga = ref CollectionsMarshal.GetValueRefOrNullRef(_tracked, sagaId);
        if (!Unsafe.IsNullRef(ref saga))
        {
            saga.ListedInPass = pass;
        }

        return ref saga;
    }

    private bool IsBackingOff(Candidate candidate, PassReason reason, DateTimeOffset now, out DateTimeOffset nextTry)
    {
        nextTry = default;
        if (reason == PassReason.Explicit
            || !_waiting.TryGetValue(candidate.SagaId, out WaitingEntry waiting)
            || waiting.Generation != candidate.Generation
            || waiting.NextTry is not { } due)
        {
            return false;
        }

        nextTry = due;
        return now < due;
    }

    private void NoteFailure(SagaId sagaId, string name, AdoptGeneration generation, string error, DateTimeOffset now)
    {
        ref WaitingEntry waiting = ref CollectionsMarshal.GetValueRefOrAddDefault(_waiting, sagaId, out _);
        if (waiting.Generation > generation)
        {
            return; // a late word on a run that is history: what failed since counts
        }

        int failures = waiting.Generation == generation ? waiting.Failures + 1 : 1;
        waiting = new WaitingEntry
        {
            Name = name,
            Generation = generation,
            Failures = failures,
            NextTry = _backoff.NextTry(sagaId, failures, now),
            Why = error,
            ListedInPass = _passes,
        };
    }

    private void ForgetWaitingNotListed(long pass)
    {
        foreach ((SagaId sagaId, WaitingEntry waiting) in _waiting)
        {
            if (waiting.ListedInPass != pass)
            {
                _waiting.Remove(sagaId); // removing while enumerating is allowed for Dictionary
            }
        }
    }

    private struct WaitingEntry
    {
        public string Name;
        public AdoptGeneration Generation;
        public int Failures;
        public DateTimeOffset? NextTry; // null: not here, tried at every pass
        public string Why;
        public long ListedInPass;
    }
}
