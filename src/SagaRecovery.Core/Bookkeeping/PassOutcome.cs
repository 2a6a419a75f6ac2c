using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>The results of a plan: one for each saga to resume and one for each saga that is no longer listed.</summary>
/// <remarks>
/// <see cref="Complete"/> updates the tracker and returns the report. A saga without a result counts as not attempted, and the next pass
/// plans it again. All members are thread-safe, but the caller must record the last result before it completes the outcome.
/// </remarks>
public sealed class PassOutcome
{
    private readonly Lock _lock = new();
    private readonly SagaTracker _tracker;
    private readonly RecoveryPlan _plan;
    private readonly ResumeResults _results;
    private readonly Dictionary<SagaId, RelinquishOutcome> _relinquished = [];
    private readonly HashSet<SagaId> _lost = [];
    private bool _completed;

    internal PassOutcome(SagaTracker tracker, RecoveryPlan plan)
    {
        _tracker = tracker;
        _plan = plan;
        _results = new ResumeResults(plan.Recover.Count + plan.Readopted.Count);
    }

    /// <summary>Records the result of resuming one saga.</summary>
    /// <param name="sagaId">A saga of the plan's <see cref="RecoveryPlan.Recover"/> or <see cref="RecoveryPlan.Readopted"/>.</param>
    /// <param name="result">The result.</param>
    /// <param name="now">The current time.</param>
    /// <exception cref="InvalidOperationException">The saga already has a result, or the pass has ended.</exception>
    public void Record(SagaId sagaId, ResumeResult result, DateTimeOffset now)
    {
        lock (_lock)
        {
            ThrowIfCompleted(sagaId);
            if (!_results.TryAdd(sagaId, result, now))
            {
                throw new InvalidOperationException($"Saga {sagaId} already has a result in this pass.");
            }
        }
    }

    /// <summary>Records the executor's result for a saga that is no longer listed, or not at the generation of its run.</summary>
    /// <param name="sagaId">A saga of the plan's <see cref="RecoveryPlan.NoLongerListed"/> or <see cref="RecoveryPlan.Outdated"/>.</param>
    /// <param name="outcome">The result of relinquishing the saga.</param>
    /// <exception cref="InvalidOperationException">The saga already has a result, or the pass has ended.</exception>
    public void RecordUnlisted(SagaId sagaId, RelinquishOutcome outcome)
    {
        lock (_lock)
        {
            ThrowIfCompleted(sagaId);
            if (!_relinquished.TryAdd(sagaId, outcome))
            {
                throw new InvalidOperationException($"Saga {sagaId} has already been relinquished in this pass.");
            }
        }
    }

    /// <summary>Records sagas whose rows the store has lost.</summary>
    /// <remarks>They count as lost, and neither as finished nor as reassigned.</remarks>
    /// <param name="sagas">Sagas of the plan's <see cref="RecoveryPlan.NoLongerListed"/>.</param>
    public void RecordLost(IEnumerable<SagaId> sagas)
    {
        lock (_lock)
        {
            _lost.UnionWith(sagas);
        }
    }

    /// <summary>Returns true if a saga was recorded as lost.</summary>
    public bool IsLost(SagaId sagaId)
    {
        lock (_lock)
        {
            return _lost.Contains(sagaId);
        }
    }

    /// <summary>True if no saga of the pass runs and none may have begun: each result shows that the executor did not take the saga.</summary>
    public bool NothingRuns
    {
        get
        {
            lock (_lock)
            {
                return _results.NothingRuns;
            }
        }
    }

    /// <summary>Returns true if a saga has a result.</summary>
    public bool HasResult(SagaId sagaId)
    {
        lock (_lock)
        {
            return _results.Contains(sagaId);
        }
    }

    /// <summary>The number of sagas that do not run although the pass attempted every eligible saga.</summary>
    /// <value>Null if some sagas are paused, deferred or without a result, so that the number is not known.</value>
    public int? NotRunning
    {
        get
        {
            lock (_lock)
            {
                return AllAttempted ? _plan.NotEligible + _results.NotRunning : null;
            }
        }
    }

    private bool AllAttempted =>
        _plan.Paused.Count + _plan.Deferred.Count == 0 && _results.Count == _plan.Recover.Count + _plan.Readopted.Count;

    /// <summary>Ends the pass: updates the tracker and accounts for every saga.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="error">The error that ended the pass early; null if there was none.</param>
    /// <returns>The report of the pass.</returns>
    /// <exception cref="InvalidOperationException">The pass has already ended.</exception>
    public PassReport Complete(DateTimeOffset now, string? error = null)
    {
        lock (_lock)
        {
            _plan.Pass.EndOutcome();
            _completed = true;
            var tally = new PassTally();
            List<Candidate> notAttempted = [];
            _results.ApplyToDefinitions(_tracker, _plan.Pass.Basis, _plan.Recover.Concat(_plan.Readopted.Select(readopted => readopted.Candidate)));
            foreach (Candidate candidate in _plan.Recover)
            {
                ApplyResult(candidate, tally, notAttempted);
            }

            foreach (ReadoptedSaga readopted in _plan.Readopted)
            {
                if (_results.Contains(readopted.Candidate.SagaId))
                {
                    tally.Readopted++;
                    _tracker.ForgetRunsUpTo(readopted.Candidate.SagaId, readopted.Previous);
                }

                ApplyResult(readopted.Candidate, tally, notAttempted);
            }

            int withheld = _tracker.EndTurn(_plan.Pass.Basis, notAttempted);
            _tracker.ApplyWithheld(_plan.Pass, _plan.UnknownDefinition, now);
            foreach (ReadoptedSaga outdated in _plan.Outdated.Where(saga => _relinquished.ContainsKey(saga.Candidate.SagaId)))
            {
                _tracker.ForgetRunsUpTo(outdated.Candidate.SagaId, outdated.Previous);
            }

            foreach (UnlistedSaga unlisted in _plan.NoLongerListed)
            {
                if (_relinquished.TryGetValue(unlisted.SagaId, out RelinquishOutcome outcome))
                {
                    if (!_lost.Contains(unlisted.SagaId))
                    {
                        tally.Count(outcome);
                    }

                    _tracker.ForgetSettledBy(unlisted.SagaId, _plan.Pass.OpeningDrain);
                }
                else
                {
                    tally.NotRelinquished++;
                }
            }

            if (error is null && AllAttempted)
            {
                _tracker.NoteAllAttempted();
            }

            return _plan.Pass.WithStarts(Report(tally, notAttempted.Count, withheld, now, error));
        }
    }

    private void ThrowIfCompleted(SagaId sagaId)
    {
        if (_completed)
        {
            throw new InvalidOperationException($"Pass {_plan.Pass.Start.Iteration} has ended. The result of saga {sagaId} was recorded too late.");
        }
    }

    private void ApplyResult(Candidate candidate, PassTally tally, List<Candidate> notAttempted)
    {
        if (!_results.TryApply(_tracker, _plan.Pass.Basis, candidate, tally))
        {
            notAttempted.Add(candidate);
        }
    }

    private PassReport Report(PassTally tally, int notAttempted, int withheld, DateTimeOffset now, string? error) => new(_plan.Pass.Start)
    {
        Duration = now - _plan.Pass.Start.StartedAt,
        Result = error is not null ? PassResult.Failed
            : notAttempted > 0 ? PassResult.CutShort
            : tally.Failed > 0 ? PassResult.CompletedWithFailures
            : PassResult.Completed,
        Error = error,
        Found = _plan.Found,
        Recovered = tally.Recovered,
        Failed = tally.Failed,
        Skipped = _plan.AlreadyRunning.Count + tally.AlreadyRunning,
        UnknownDefinition = _plan.UnknownDefinition.Count + tally.UnknownDefinition + withheld,
        Abandoned = tally.Abandoned,
        Superseded = tally.Superseded,
        NotAttempted = notAttempted,
        WaitingForSlot = _plan.WaitingForSlot - withheld,
        BackingOff = _plan.BackingOff.Count,
        Held = _plan.Held.Count,
        Paused = _plan.Paused.Count,
        Deferred = _plan.Deferred.Count,
        Unreadable = _plan.Unreadable.Count,
        Readopted = tally.Readopted,
        MissedHints = _plan.MissedHints,
        Starting = _plan.Starting.Count,
        Removed = tally.Removed,
        Reassigned = tally.Reassigned,
        NotRelinquished = tally.NotRelinquished,
        EndsLost = _plan.EndsLost.Count,
        Lost = _lost.Count,
        TimeToRecover = DurationHistogram.Of(tally.IdleTimes),
        RecoveredSagas = tally.RecoveredSagas.ToList(),
        FailedSagas = tally.FailedSagas.ToList(),
    };
}
