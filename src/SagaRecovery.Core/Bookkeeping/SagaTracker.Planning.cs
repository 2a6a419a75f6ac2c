using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <content>Plans a pass and applies its results.</content>
public sealed partial class SagaTracker
{
    private const int PlanningBatch = 64; // from 16 to 256 the time is the same

    internal RecoveryPlan MakePlan(
        OpenedPass pass, CandidateListing listing, RecoveryControls controls, ExecutorCapacity? capacity, DateTimeOffset now)
    {
        lock (_lock)
        {
            _alreadyRunning.Clear();
            _trackedAndListed = 0;
            _guard.MarkSuspects(controls.Suspects);
            _definitions.BeginPlan(listing);
            _slots.BeginPlan(pass.Start.Iteration);
            DateTimeOffset? waitingSince = _slots.EarliestSince;
            var plan = new RecoveryPlan(pass, listing.Count, _alreadyRunning, listing.Unreadable)
            {
                QueuesAtOnce = capacity is not null && _guard.IsIdle && !pass.IsDryRun,
            };
            if (plan.QueuesAtOnce)
            {
                _slots.EnsureCapacity(Math.Max(0, listing.Count - _tracked.Count - _slots.Waiting - _waiting.Count));
            }

            PlanListed(plan, CollectionsMarshal.AsSpan(listing.Candidates), controls, now);

            foreach (UnreadableCandidate unreadable in listing.Unreadable)
            {
                PlanUnreadable(unreadable, pass.Start);
            }

            _guard.Defer(plan.RecoverBucket, plan.DeferredBucket, now);
            plan.DeferredBucket.ForEach(deferred => _definitions.NoteDeferred(deferred, pass.Start));
            if (plan.PausedBucket.Count + plan.DeferredBucket.Count > 0)
            {
                _idleSince ??= waitingSince ?? now;
            }

            _slots.ForgetNotListed();
            PlanSlots(plan, capacity, controls, now);
            PlanMissing(plan);
            _waiting.ForgetNotListed(pass.Start.Iteration);
            return plan;
        }
    }

    /// <summary>Applies a result to the definition of its saga. Must precede <see cref="ApplyResume"/> of all sagas of the pass or the refill.</summary>
    internal void ApplyToDefinition(ResumeBasis basis, Candidate candidate, ResumeResult result, DateTimeOffset now)
    {
        lock (_lock)
        {
            _definitions.NoteResult(candidate, result, basis.Pass, now);
        }
    }

    /// <summary>Records the sagas that were not tried because their definition is unknown.</summary>
    internal void ApplyWithheld(OpenedPass pass, IReadOnlyList<Candidate> withheld, DateTimeOffset now)
    {
        lock (_lock)
        {
            foreach (Candidate candidate in withheld)
            {
                Withhold(candidate, pass.Start.Iteration, IdleSinceOf(candidate.SagaId, pass.Start.StartedAt), now);
            }
        }
    }

    internal void ApplyResume(ResumeBasis basis, Candidate candidate, ResumeResult result, DateTimeOffset now)
    {
        lock (_lock)
        {
            DateTimeOffset idleSince = IdleSinceOf(candidate.SagaId, basis.StartedAt);
            _slots.Remove(candidate.SagaId);
            if (result is not (ResumeResult.Recovered or ResumeResult.AlreadyRunning))
            {
                _guard.NoteNotRun(candidate.SagaId);
            }

            switch (result)
            {
                case ResumeResult.Recovered or ResumeResult.AlreadyRunning:
                    _guard.NoteResumed(candidate.SagaId, now);
                    ref TrackedSaga saga = ref _tracked.GetOrAdd(candidate.SagaId, out _);
                    bool isOver = _drainedBetweenPasses.HasInterrupted(candidate.SagaId, candidate.Generation); // the tracker may have forgotten it since
                    if (!isOver && saga.SetRecovered(candidate.Generation, basis.Drain, now))
                    {
                        saga.PriorFailures = _waiting.FailuresOf(candidate);
                        saga.CountsAsRecovered = result is ResumeResult.Recovered;
                        _waiting.Remove(candidate.SagaId);
                        break;
                    }

                    if (result is ResumeResult.Recovered)
                    {
                        _drainedBetweenPasses = _drainedBetweenPasses.TakeBack(candidate.SagaId, candidate.Generation);
                    }

                    if (!saga.IsKnown)
                    {
                        _tracked.Remove(candidate.SagaId);
                    }

                    break;
                case ResumeResult.Failed failed:
                    _waiting.NoteFailure(candidate, failed.Error, basis.Pass, idleSince, now);
                    break;
                case ResumeResult.UnknownDefinition unknown:
                    _waiting.NoteUnknownDefinition(candidate, unknown.Missing, basis, idleSince);
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
            ref TrackedSaga saga = ref _tracked.GetOrAdd(sagaId, out _);
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
            ref TrackedSaga saga = ref _tracked.GetOrAdd(sagaId, out _);
            saga.ForgetSettledBy(drain);
            if (!saga.IsKnown)
            {
                _tracked.Remove(sagaId);
            }
        }
    }

    private void Withhold(Candidate candidate, long pass, DateTimeOffset since, DateTimeOffset now)
    {
        _guard.NoteNotRun(candidate.SagaId);
        _waiting.NoteWithheld(candidate, pass, since, now);
    }

    /// <summary>Plans the listed sagas, a batch at a time, since the look-ups of a batch wait for memory together.</summary>
    private void PlanListed(RecoveryPlan plan, ReadOnlySpan<Candidate> listed, RecoveryControls controls, DateTimeOffset now)
    {
        Span<int> numbers = stackalloc int[PlanningBatch];
        while (!listed.IsEmpty)
        {
            ReadOnlySpan<Candidate> batch = listed[..Math.Min(listed.Length, PlanningBatch)];
            _tracked.FindAll(batch, numbers);
            for (int i = 0; i < batch.Length; i++)
            {
                ref TrackedSaga saga = ref numbers[i] == SagaTable<TrackedSaga>.None ? ref Unsafe.NullRef<TrackedSaga>() : ref _tracked.At(numbers[i]);
                PlanListed(plan, batch[i], ref saga, controls, now);
            }

            listed = listed[batch.Length..];
        }
    }

    /// <param name="plan">The plan.</param>
    /// <param name="candidate">The listed saga.</param>
    /// <param name="saga">The tracked saga, or a null reference if it is not tracked.</param>
    /// <param name="controls">The controls of the coordinator.</param>
    /// <param name="now">The current time.</param>
    private void PlanListed(RecoveryPlan plan, in Candidate candidate, ref TrackedSaga saga, RecoveryControls controls, DateTimeOffset now)
    {
        PassStart pass = plan.Pass.Start;
        _waiting.MarkListed(candidate, pass.Iteration);
        bool known = MarkListed(ref saga, pass.Iteration);
        bool endLost = known && saga.HadEndedBy(plan.Pass.OpeningDrain);
        if (known && !endLost && saga.Generation >= candidate.Generation)
        {
            plan.AlreadyRunningBucket.Add(candidate.SagaId);
            _slots.Remove(candidate.SagaId); // announced late, and that start may still fail: the next pass decides
        }
        else if (controls.Holds(candidate.SagaId) || controls.Paused is not null)
        {
            (controls.Holds(candidate.SagaId) ? plan.HeldBucket : plan.PausedBucket).Add(candidate);
            _slots.Remove(candidate.SagaId);
            if (known && saga.IsLive)
            {
                plan.OutdatedBucket.Add(new ReadoptedSaga(candidate, saga.Generation));
            }
        }
        else if (!(known && saga.IsLive) && !_definitions.IsUnknown(candidate) && _slots.MarkListed(candidate))
        {
            // it waits for a slot already: PlanSlots counts it
        }
        else if (pass.Reason != PassReason.Explicit && _waiting.IsBackingOff(candidate, now, out DateTimeOffset nextTry))
        {
            PlanBackingOff(plan, candidate, nextTry);
        }
        else
        {
            PlanIdle(plan, candidate, ref saga, endLost, now);
        }
    }

    /// <summary>Plans a listed saga that does not run at its generation and may be resumed.</summary>
    private void PlanIdle(RecoveryPlan plan, Candidate candidate, ref TrackedSaga saga, bool endLost, DateTimeOffset now)
    {
        PassStart pass = plan.Pass.Start;
        bool known = !Unsafe.IsNullRef(ref saga);
        DateTimeOffset? queuedSince = LeaveQueueIfUnknown(candidate);
        bool isNew = queuedSince is null && !_waiting.Contains(candidate.SagaId);
        if (pass.Reason == PassReason.Periodic && candidate.Generation > AdoptGeneration.Initial && isNew)
        {
            plan.MissedHints++;
        }

        if (known && saga.IsLive)
        {
            plan.ReadoptedBucket.Add(new ReadoptedSaga(candidate, saga.Generation)); // at once: the old run has a slot, which it leaves
            _slots.Remove(candidate.SagaId);
            return;
        }

        bool isWithheld = !known && !_waiting.IsDueByItself(candidate, now) && _definitions.Withholds(candidate, pass, now); // a saga that ran here has a known definition
        if (queuedSince is { } since)
        {
            _waiting.NoteWithheld(candidate, pass.Iteration, since, now); // at once: only the queue knew since when it has not been running
        }

        if (isWithheld)
        {
            plan.UnknownDefinitionBucket.Add(candidate);
            return;
        }

        if (endLost && saga.Generation >= candidate.Generation)
        {
            plan.EndsLostBucket.Add(candidate);
        }

        if (plan.QueuesAtOnce && !_definitions.IsUnknown(candidate))
        {
            _slots.Enqueue(candidate, IdleSinceOf(candidate.SagaId, pass.StartedAt)); // saves a list of all of them
        }
        else
        {
            plan.RecoverBucket.Add(candidate);
        }
    }

    /// <summary>Decides which of the sagas to recover the executor takes now. The others wait for a slot.</summary>
    private void PlanSlots(RecoveryPlan plan, ExecutorCapacity? capacity, RecoveryControls controls, DateTimeOffset now)
    {
        if (plan.Pass.IsDryRun)
        {
            PreviewSlots(plan, capacity);
        }
        else if (capacity is not null || _slots.Waiting > 0)
        {
            List<Candidate> recover = plan.RecoverBucket;
            foreach (Candidate candidate in recover.Where(NeedsSlot))
            {
                _slots.Enqueue(candidate, IdleSinceOf(candidate.SagaId, plan.Pass.Start.StartedAt));
            }

            recover.RemoveAll(NeedsSlot);
            if (!recover.Exists(candidate => _guard.IsSuspect(candidate.SagaId)) && _guard.AllowsOthers(now))
            {
                recover.AddRange(TakeForSlots(capacity, int.MaxValue, controls));
            }
        }

        plan.WaitingForSlot += _slots.Waiting;
    }

    /// <summary>
    /// Returns false for suspects whose turn it is, since they are few and must be on probation alone, and for a saga that is tried for the others
    /// of its unknown definition, since the executor takes none of them.
    /// </summary>
    private bool NeedsSlot(Candidate candidate) => !_guard.IsSuspect(candidate.SagaId) && !_definitions.IsUnknown(candidate);

    /// <summary>Removes a saga from the queue if its definition is unknown.</summary>
    /// <returns>The time since which it has not been running; null if it did not wait for a slot, or its definition is not unknown.</returns>
    private DateTimeOffset? LeaveQueueIfUnknown(Candidate candidate)
    {
        DateTimeOffset? since = _definitions.IsUnknown(candidate) ? _slots.SinceOf(candidate.SagaId) : null;
        if (since is not null)
        {
            _slots.Remove(candidate.SagaId);
        }

        return since;
    }

    /// <summary>Divides the sagas to recover as a pass would, without a change of the queue.</summary>
    private void PreviewSlots(RecoveryPlan plan, ExecutorCapacity? capacity)
    {
        var room = new RemainingCapacity(capacity);
        foreach (SlotBacklog backlog in _slots.Backlog)
        {
            room.Use(backlog.Definition, backlog.Count);
        }

        List<Candidate> waiting = [];
        foreach (Candidate candidate in plan.RecoverBucket.Where(candidate => !_definitions.IsUnknown(candidate)))
        {
            if (!room.Has(candidate.Name))
            {
                waiting.Add(candidate);
            }

            room.Use(candidate.Name);
        }

        plan.RecoverBucket.RemoveAll(new HashSet<Candidate>(waiting).Contains);
        plan.WaitingForSlot = waiting.Count;
        plan.SlotSample = [.. _slots.Sagas.Concat(waiting.Select(candidate => candidate.SagaId)).Take(RecoveryReport.HistoryLength)];
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
        if (!MarkListed(ref _tracked.Find(unreadable.SagaId), pass.Iteration))
        {
            _waiting.NoteUnreadable(unreadable, pass.Iteration, IdleSinceOf(unreadable.SagaId, pass.StartedAt));
        }

        _slots.Remove(unreadable.SagaId);
    }

    private void PlanMissing(RecoveryPlan plan)
    {
        if (_trackedAndListed == _tracked.Count)
        {
            return; // the common case: saves an iteration over all tracked sagas
        }

        for (int number = 0; number < _tracked.Count; number++)
        {
            SagaId sagaId = _tracked.IdAt(number);
            ref TrackedSaga saga = ref _tracked.At(number);
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
    /// <returns>True if the saga is tracked, and not a null reference.</returns>
    private bool MarkListed(ref TrackedSaga saga, long pass)
    {
        if (Unsafe.IsNullRef(ref saga))
        {
            return false;
        }

        if (saga.ListedInPass != pass)
        {
            saga.ListedInPass = pass;
            _trackedAndListed++;
        }

        return true;
    }
}
