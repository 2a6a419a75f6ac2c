using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <content>Plans a pass and applies its results.</content>
public sealed partial class SagaTracker
{
    internal RecoveryPlan MakePlan(OpenedPass pass, CandidateListing listing, RecoveryControls controls, DateTimeOffset now)
    {
        lock (_lock)
        {
            _alreadyRunning.Clear();
            _trackedAndListed = 0;
            _guard.MarkSuspects(controls.Suspects);
            _definitions.BeginPlan(listing);
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
            plan.DeferredBucket.ForEach(deferred => _definitions.NoteDeferred(deferred, pass.Start));
            if (plan.PausedBucket.Count + plan.DeferredBucket.Count > 0)
            {
                _idleSince ??= now;
            }

            PlanMissing(plan);
            _waiting.ForgetNotListed(pass.Start.Iteration);
            return plan;
        }
    }

    /// <summary>Reserves capacity for additional sagas. Growth by doubling would waste up to half of the memory.</summary>
    internal void EnsureCapacity(int additionalSagas)
    {
        lock (_lock)
        {
            _tracked.EnsureCapacity(_tracked.Count + additionalSagas);
        }
    }

    /// <summary>Applies a result to the definition of its saga. Must precede <see cref="ApplyResume"/> of all sagas of the pass.</summary>
    internal void ApplyToDefinition(OpenedPass pass, Candidate candidate, ResumeResult result, DateTimeOffset now)
    {
        lock (_lock)
        {
            _definitions.NoteResult(candidate, result, pass.Start, now);
        }
    }

    /// <summary>Records the sagas that were not tried because their definition is unknown.</summary>
    internal void ApplyWithheld(OpenedPass pass, IReadOnlyList<Candidate> withheld, DateTimeOffset now)
    {
        lock (_lock)
        {
            foreach (Candidate candidate in withheld)
            {
                _guard.NoteNotRun(candidate.SagaId);
                _waiting.NoteWithheld(candidate, pass.Start.Iteration, IdleSinceOf(candidate.SagaId, pass.Start), now);
            }
        }
    }

    internal void ApplyResume(OpenedPass pass, Candidate candidate, ResumeResult result, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (result is not (ResumeResult.Recovered or ResumeResult.AlreadyRunning))
            {
                _guard.NoteNotRun(candidate.SagaId);
            }

            switch (result)
            {
                case ResumeResult.Recovered or ResumeResult.AlreadyRunning:
                    _guard.NoteResumed(candidate.SagaId, now);
                    ref TrackedSaga saga = ref CollectionsMarshal.GetValueRefOrAddDefault(_tracked, candidate.SagaId, out _);
                    if (saga.SetRecovered(candidate.Generation, pass.ClosingDrain, now))
                    {
                        saga.PriorFailures = _waiting.FailuresOf(candidate);
                        _waiting.Remove(candidate.SagaId);
                    }
                    else if (!saga.IsKnown)
                    {
                        _tracked.Remove(candidate.SagaId);
                    }

                    break;
                case ResumeResult.Failed failed:
                    _waiting.NoteFailure(candidate, failed.Error, pass.Start.Iteration, IdleSinceOf(candidate.SagaId, pass.Start), now);
                    break;
                case ResumeResult.UnknownDefinition unknown:
                    _waiting.NoteUnknownDefinition(candidate, unknown.Missing, pass.Start, IdleSinceOf(candidate.SagaId, pass.Start));
                    break;
                default: // abandoned or superseded: no longer a candidate
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
        else if (controls.Holds(candidate.SagaId) || controls.Paused is not null)
        {
            (controls.Holds(candidate.SagaId) ? plan.HeldBucket : plan.PausedBucket).Add(candidate);
            if (known && saga.IsLive)
            {
                plan.OutdatedBucket.Add(new ReadoptedSaga(candidate, saga.Generation));
            }
        }
        else if (pass.Reason != PassReason.Explicit && _waiting.IsBackingOff(candidate, now, out DateTimeOffset nextTry))
        {
            PlanBackingOff(plan, candidate, nextTry);
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

            if (!known && !_waiting.IsDueByItself(candidate, now) && _definitions.Withholds(candidate, pass, now)) // a saga that ran here has a known definition
            {
                plan.UnknownDefinitionBucket.Add(candidate);
                return;
            }

            if (endLost && saga.Generation >= candidate.Generation)
            {
                plan.EndsLostBucket.Add(candidate);
            }

            plan.RecoverBucket.Add(candidate);
        }
    }

    private void PlanBackingOff(RecoveryPlan plan, Candidate candidate, DateTimeOffset nextTry)
    {
        if (_waiting.IsUnknownDefinition(candidate.SagaId))
        {
            plan.UnknownDefinitionBucket.Add(candidate);
        }
        else
        {
            plan.BackingOffBucket.Add(new BackingOffSaga(candidate, nextTry));
        }
    }

    /// <summary>Adds an untracked saga to the waiting sagas until its row can be read.</summary>
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
            return; // the common case: saves an iteration over all tracked sagas
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

    /// <summary>Records that the listing of this pass holds the saga.</summary>
    /// <returns>A reference to the tracked saga, or a null reference if it is not tracked.</returns>
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
