using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <content>What a pass does about every saga that is listed or tracked, and what is noted of how that went.</content>
public sealed partial class SagaTracker
{
    internal RecoveryPlan MakePlan(OpenedPass pass, CandidateListing listing, RecoveryControls controls, DateTimeOffset now)
    {
        lock (_lock)
        {
            _alreadyRunning.Clear();
            _trackedAndListed = 0;
            _guard.MarkSuspects(controls.Suspects);
            var plan = new RecoveryPlan(pass, listing.Count, _alreadyRunning, listing.Unreadable);
            foreach (Candidate candidate in listing.Candidates)
            {
                PlanListed(plan, candidate, controls, now);
            }

            foreach (UnreadableCandidate unreadable in listing.Unreadable)
            {
                PlanUnreadable(unreadable, pass.Start);
            }

            _guard.Defer(plan.RecoverBucket, plan.DeferredBucket, now);
            if (plan.PausedBucket.Count + plan.DeferredBucket.Count > 0)
            {
                _idleSince ??= now;
            }

            PlanMissing(plan);
            _waiting.ForgetNotListed(pass.Start.Iteration);
            return plan;
        }
    }

    /// <summary>Makes room for so many more sagas at once: grown by doubling, there would be room for half as many again.</summary>
    internal void MakeRoom(int sagas)
    {
        lock (_lock)
        {
            _tracked.EnsureCapacity(_tracked.Count + sagas);
        }
    }

    internal void ApplyResume(OpenedPass opened, Candidate candidate, ResumeResult result, DateTimeOffset now)
    {
        PassStart pass = opened.Start;
        lock (_lock)
        {
            if (result is not (ResumeResult.Recovered or ResumeResult.AlreadyRunning))
            {
                _guard.NoteNotRun(candidate.SagaId);
            }

            switch (result)
            {
                case ResumeResult.Recovered or ResumeResult.AlreadyRunning:
                    _guard.NoteReassigned(candidate.SagaId, now);
                    ref TrackedSaga saga = ref CollectionsMarshal.GetValueRefOrAddDefault(_tracked, candidate.SagaId, out _);
                    if (saga.SetRecovered(candidate.Generation, opened.ClosingDrain, now))
                    {
                        saga.FailuresBefore = _waiting.FailuresOf(candidate);
                        _waiting.Remove(candidate.SagaId);
                    }
                    else if (!saga.IsKnown)
                    {
                        _tracked.Remove(candidate.SagaId);
                    }

                    break;
                case ResumeResult.Failed failed:
                    _waiting.NoteFailure(candidate, failed.Error, pass.Iteration, IdleSinceOf(candidate.SagaId, pass), now);
                    break;
                case ResumeResult.UnknownDefinition unknownDefinition:
                    _waiting.NoteUnknownDefinition(candidate, unknownDefinition.Missing, pass.Iteration, IdleSinceOf(candidate.SagaId, pass));
                    break;
                default: // abandoned, or moved on: no longer a candidate
                    _waiting.Remove(candidate.SagaId);
                    break;
            }
        }
    }

    internal void ForgetRunsUpTo(SagaId sagaId, AdoptGeneration generation)
    {
        lock (_lock)
        {
            ref TrackedSaga saga = ref CollectionsMarshal.GetValueRefOrAddDefault(_tracked, sagaId, out _);
            saga.ForgetRunsUpTo(generation);
            if (!saga.IsKnown)
            {
                _tracked.Remove(sagaId);
            }
        }
    }

    internal void ForgetSettledBy(SagaId sagaId, long drain)
    {
        lock (_lock)
        {
            ref TrackedSaga saga = ref CollectionsMarshal.GetValueRefOrAddDefault(_tracked, sagaId, out _);
            saga.ForgetSettledBy(drain);
            if (!saga.IsKnown)
            {
                _tracked.Remove(sagaId);
            }
        }
    }

    private void PlanListed(RecoveryPlan plan, Candidate candidate, RecoveryControls controls, DateTimeOffset now)
    {
        PassStart pass = plan.Pass.Start;
        _waiting.MarkListed(candidate, pass.Iteration);
        ref TrackedSaga saga = ref MarkListed(candidate.SagaId, pass.Iteration);
        bool known = !Unsafe.IsNullRef(ref saga);
        bool endLost = known && saga.HadEndedBy(plan.Pass.OpeningDrain);
        if (known && !endLost && saga.Generation >= candidate.Generation)
        {
            plan.AlreadyRunningBucket.Add(candidate.SagaId);
        }
        else if (controls.Holds(candidate.SagaId))
        {
            plan.HeldBucket.Add(candidate);
        }
        else if (controls.Paused is not null)
        {
            plan.PausedBucket.Add(candidate);
        }
        else if (pass.Reason != PassReason.Explicit && _waiting.IsBackingOff(candidate, now, out DateTimeOffset nextTry))
        {
            plan.BackingOffBucket.Add(new BackingOffSaga(candidate, nextTry));
        }
        else
        {
            if (pass.Reason == PassReason.Periodic && candidate.Generation > AdoptGeneration.Initial && !_waiting.Contains(candidate.SagaId))
            {
                plan.MissedHints++;
            }

            if (known && saga.IsLive)
            {
                plan.ReadoptedBucket.Add(new ReadoptedSaga(candidate, saga.Generation));
                return;
            }

            if (endLost && saga.Generation >= candidate.Generation)
            {
                plan.EndsLostBucket.Add(candidate);
            }

            plan.RecoverBucket.Add(candidate);
        }
    }

    /// <summary>One that nobody here runs waits, with what is wrong with it, until its row can be read.</summary>
    private void PlanUnreadable(UnreadableCandidate unreadable, PassStart pass)
    {
        if (Unsafe.IsNullRef(ref MarkListed(unreadable.SagaId, pass.Iteration)))
        {
            _waiting.NoteUnreadable(unreadable, pass.Iteration, IdleSinceOf(unreadable.SagaId, pass));
        }
    }

    private void PlanMissing(RecoveryPlan plan)
    {
        if (_trackedAndListed == _tracked.Count)
        {
            return; // as a rule none is missing: this saves a walk over all that is tracked
        }

        foreach ((SagaId sagaId, TrackedSaga saga) in _tracked)
        {
            if (saga.ListedInPass == plan.Pass.Start.Iteration)
            {
                continue;
            }

            if (saga.WasSettledBy(plan.Pass.OpeningDrain))
            {
                plan.NoLongerListedBucket.Add(new UnlistedSaga(sagaId, saga.Generation));
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
        if (!Unsafe.IsNullRef(ref saga) && saga.ListedInPass != pass)
        {
            saga.ListedInPass = pass;
            _trackedAndListed++;
        }

        return ref saga;
    }
}
