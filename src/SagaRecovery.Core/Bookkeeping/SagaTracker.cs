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
    private readonly WaitingSagas _waiting;
    private readonly HashSet<SagaId> _held = [];
    private readonly List<SagaId> _alreadyRunning = []; // reused from pass to pass: a known saga costs a pass no allocation
    private OpenedPass? _open;
    private long _drains;
    private long _passes;

    /// <summary>A tracker that knows no saga yet.</summary>
    /// <param name="inbox">Where starts are announced; this tracker is its only reader.</param>
    /// <param name="backoff">When a failed saga is tried again.</param>
    public SagaTracker(StartInbox inbox, BackoffPolicy backoff)
    {
        _inbox = inbox;
        _waiting = new WaitingSagas(backoff);
    }

    /// <summary>Sagas that may be running in this process.</summary>
    public int Tracked => _tracked.Count;

    /// <summary>Sagas in progress and ours that are not running: they failed, are not here or cannot be read, as of the last pass.</summary>
    public IEnumerable<WaitingSaga> Waiting => _waiting.All;

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
                case StartMessageKind.GivenUp:
                    saga.GiveUpRunsUpTo(message.Generation);
                    givenUp.Add(sagaId);
                    if (!saga.IsRunning)
                    {
                        _waiting.NoteGivenUp(sagaId, message.Generation, saga.FailuresBefore, _passes, now);
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
        _waiting.ForgetNotListed(pass.Start.Iteration);
        return plan;
    }

    internal void ApplyHandOver(Candidate candidate, HandOverResult result, DateTimeOffset now)
    {
        switch (result)
        {
            case HandOverResult.Recovered or HandOverResult.AlreadyRunning:
                ref TrackedSaga saga = ref CollectionsMarshal.GetValueRefOrAddDefault(_tracked, candidate.SagaId, out _);
                saga.SetRecovered(candidate.Generation);
                saga.FailuresBefore = _waiting.FailuresOf(candidate);
                _waiting.Remove(candidate.SagaId);
                break;
            case HandOverResult.Failed failed:
                _waiting.NoteFailure(candidate, failed.Error, _passes, now);
                break;
            case HandOverResult.NotHere notHere:
                _waiting.NoteNotHere(candidate, notHere.Missing, _passes);
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
        _waiting.MarkListed(candidate, pass.Iteration);
        ref TrackedSaga saga = ref MarkListed(candidate.SagaId, pass.Iteration);
        bool known = !Unsafe.IsNullRef(ref saga);
        if (known && saga.Generation >= candidate.Generation)
        {
            plan.AlreadyRunningBucket.Add(candidate.SagaId);
        }
        else if (_held.Contains(candidate.SagaId))
        {
            plan.HeldBucket.Add(candidate);
        }
        else if (pass.Reason != PassReason.Explicit && _waiting.IsBackingOff(candidate, now, out DateTimeOffset nextTry))
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
        if (Unsafe.IsNullRef(ref MarkListed(unreadable.SagaId, pass)))
        {
            _waiting.NoteUnreadable(unreadable, pass);
        }
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
    private ref TrackedSaga MarkListed(SagaId sagaId, long pass)
    {
        ref TrackedSaga saga = ref CollectionsMarshal.GetValueRefOrNullRef(_tracked, sagaId);
        if (!Unsafe.IsNullRef(ref saga))
        {
            saga.ListedInPass = pass;
        }

        return ref saga;
    }
}
