using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>
/// The account of what came of a plan: one result for each saga that was to be handed over and for each that was gone. Completing it
/// brings the tracker up to date and yields the report. What has no result by then was not attempted, and is planned again by the next
/// pass. Recording is thread-safe; completing comes after the last record.
/// </summary>
public sealed class PassOutcome
{
    private readonly Lock _lock = new();
    private readonly SagaTracker _tracker;
    private readonly RecoveryPlan _plan;
    private readonly Dictionary<SagaId, Recorded> _results;
    private readonly Dictionary<SagaId, RelinquishOutcome> _gone = [];
    private readonly HashSet<SagaId> _lost = [];
    private bool _completed;

    internal PassOutcome(SagaTracker tracker, RecoveryPlan plan)
    {
        _tracker = tracker;
        _plan = plan;
        _results = new Dictionary<SagaId, Recorded>(plan.Recover.Count + plan.Readopted.Count);
    }

    /// <summary>Records how the hand-over of one saga ended.</summary>
    /// <param name="sagaId">A saga of the plan's <see cref="RecoveryPlan.Recover"/> or <see cref="RecoveryPlan.Readopted"/>.</param>
    /// <param name="result">How it ended.</param>
    /// <param name="now">The present time.</param>
    /// <exception cref="InvalidOperationException">The saga has a result already, or the pass is over.</exception>
    public void Record(SagaId sagaId, HandOverResult result, DateTimeOffset now)
    {
        lock (_lock)
        {
            ThrowIfCompleted(sagaId);
            if (!_results.TryAdd(sagaId, new Recorded(result, now)))
            {
                throw new InvalidOperationException($"Saga {sagaId} has been handed over once in this pass already.");
            }
        }
    }

    /// <summary>Records what the executor answered about a saga that is finished or gone.</summary>
    /// <param name="sagaId">A saga of the plan's <see cref="RecoveryPlan.FinishedOrGone"/>.</param>
    /// <param name="answer">Whether it was still running it.</param>
    /// <exception cref="InvalidOperationException">The saga has an answer already, or the pass is over.</exception>
    public void RecordGone(SagaId sagaId, RelinquishOutcome answer)
    {
        lock (_lock)
        {
            ThrowIfCompleted(sagaId);
            if (!_gone.TryAdd(sagaId, answer))
            {
                throw new InvalidOperationException($"Saga {sagaId} has been told to be gone once in this pass already.");
            }
        }
    }

    /// <summary>
    /// Records that the store has lost sagas, whose rows no longer exist. They count as lost, and neither as finished nor as taken away.
    /// </summary>
    /// <param name="sagas">Sagas of the plan's <see cref="RecoveryPlan.FinishedOrGone"/>.</param>
    public void RecordLost(IEnumerable<SagaId> sagas)
    {
        lock (_lock)
        {
            _lost.UnionWith(sagas);
        }
    }

    /// <summary>Returns true if the store was recorded to have lost a saga.</summary>
    public bool IsLost(SagaId sagaId)
    {
        lock (_lock)
        {
            return _lost.Contains(sagaId);
        }
    }

    /// <summary>
    /// How many sagas run nowhere although this pass has come to every one: held, failed, or not here. Null: it has not come to every
    /// one, since some are paused, deferred or have no result.
    /// </summary>
    public int? NotRunning
    {
        get
        {
            lock (_lock)
            {
                return HasComeToAll ? _plan.LeftAside + _results.Values.Count(recorded => recorded.Result is HandOverResult.Failed or HandOverResult.NotHere) : null;
            }
        }
    }

    private bool HasComeToAll =>
        _plan.Paused.Count + _plan.Deferred.Count == 0 && _results.Count == _plan.Recover.Count + _plan.Readopted.Count;

    /// <summary>Ends the pass: brings the tracker up to date and accounts for every saga.</summary>
    /// <param name="now">The present time.</param>
    /// <param name="error">Why the pass was cut short; null: it was not.</param>
    /// <exception cref="InvalidOperationException">The pass is over already.</exception>
    public PassReport Complete(DateTimeOffset now, string? error = null)
    {
        lock (_lock)
        {
            _plan.Pass.EndOutcome();
            _completed = true;
            var tally = new PassTally();
            _tracker.MakeRoom(_results.Count);
            foreach (Candidate candidate in _plan.Recover)
            {
                Settle(candidate, tally);
            }

            foreach (ReadoptedSaga readopted in _plan.Readopted)
            {
                if (_results.ContainsKey(readopted.Candidate.SagaId))
                {
                    tally.Readopted++;
                    _tracker.ForgetRunsUpTo(readopted.Candidate.SagaId, readopted.Previous);
                }

                Settle(readopted.Candidate, tally);
            }

            foreach (GoneSaga gone in _plan.FinishedOrGone)
            {
                if (_gone.TryGetValue(gone.SagaId, out RelinquishOutcome answer))
                {
                    if (!_lost.Contains(gone.SagaId))
                    {
                        tally.Count(answer);
                    }

                    _tracker.ForgetSettledBy(gone.SagaId, _plan.Pass.OpeningDrain);
                }
            }

            if (error is null && HasComeToAll)
            {
                _tracker.NoteAllAttempted();
            }

            return Report(tally, now, error).WithStarts(_plan.Pass);
        }
    }

    private void ThrowIfCompleted(SagaId sagaId)
    {
        if (_completed)
        {
            throw new InvalidOperationException($"Pass {_plan.Pass.Start.Iteration} is over: what became of saga {sagaId} comes too late.");
        }
    }

    private void Settle(Candidate candidate, PassTally tally)
    {
        if (!_results.TryGetValue(candidate.SagaId, out Recorded recorded))
        {
            tally.NotAttempted++;
            return;
        }

        tally.Count(candidate, recorded.Result, recorded.At, _tracker.IdleSinceOf(candidate.SagaId, _plan.Pass.Start));
        _tracker.ApplyHandOver(_plan.Pass, candidate, recorded.Result, recorded.At);
    }

    private PassReport Report(PassTally tally, DateTimeOffset now, string? error) => new(_plan.Pass.Start)
    {
        Duration = now - _plan.Pass.Start.StartedAt,
        Result = error is not null ? PassResult.Failed
            : tally.NotAttempted > 0 ? PassResult.CutShort
            : tally.Failed > 0 ? PassResult.CompletedWithFailures
            : PassResult.Completed,
        Error = error,
        Found = _plan.Found,
        Recovered = tally.Recovered,
        Failed = tally.Failed,
        Skipped = _plan.AlreadyRunning.Count + tally.AlreadyRunning,
        NotHere = tally.NotHere,
        Abandoned = tally.Abandoned,
        MovedOn = tally.MovedOn,
        NotAttempted = tally.NotAttempted,
        BackingOff = _plan.BackingOff.Count,
        Held = _plan.Held.Count,
        Paused = _plan.Paused.Count,
        Deferred = _plan.Deferred.Count,
        Unreadable = _plan.Unreadable.Count,
        Readopted = tally.Readopted,
        MissedHints = _plan.MissedHints,
        Starting = _plan.Starting.Count,
        Removed = tally.Removed,
        TakenAway = tally.TakenAway,
        EndsLost = _plan.EndsLost.Count,
        Lost = _lost.Count,
        TimeToRecover = DurationHistogram.Of(tally.Idle),
        RecoveredSagas = tally.RecoveredSagas.ToList(),
        FailedSagas = tally.FailedSagas.ToList(),
    };

    private readonly record struct Recorded(HandOverResult Result, DateTimeOffset At);
}
