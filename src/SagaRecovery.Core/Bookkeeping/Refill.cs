using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>The sagas that waited for a slot and whose turn has come, with their results.</summary>
/// <remarks>
/// <see cref="SagaTracker.BeginRefill"/> creates it, between two passes. <see cref="Complete"/> updates the tracker and returns the report. A
/// saga without a result waits again, in its former place. All members are thread-safe, but the caller must record the last result before it
/// completes the refill.
/// </remarks>
public sealed class Refill
{
    private readonly Lock _lock = new();
    private readonly SagaTracker _tracker;
    private readonly ResumeResults _results;
    private bool _completed;

    internal Refill(SagaTracker tracker, ResumeBasis basis, IReadOnlyList<Candidate> sagas)
    {
        _tracker = tracker;
        Basis = basis;
        Sagas = sagas;
        _results = new ResumeResults(sagas.Count);
    }

    /// <summary>The sagas, in the order of their turns.</summary>
    public IReadOnlyList<Candidate> Sagas { get; }

    /// <summary>True if no saga of the refill runs and none may have begun: each result shows that the executor did not take the saga.</summary>
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

    internal ResumeBasis Basis { get; }

    /// <summary>Returns true if a saga has a result.</summary>
    public bool HasResult(SagaId sagaId)
    {
        lock (_lock)
        {
            return _results.Contains(sagaId);
        }
    }

    /// <summary>Records the result of resuming one saga.</summary>
    /// <param name="sagaId">A saga of <see cref="Sagas"/>.</param>
    /// <param name="result">The result.</param>
    /// <param name="now">The current time.</param>
    /// <exception cref="InvalidOperationException">The saga already has a result, or the refill has ended.</exception>
    public void Record(SagaId sagaId, ResumeResult result, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (_completed || !_results.TryAdd(sagaId, result, now))
            {
                throw new InvalidOperationException($"Saga {sagaId} already has a result in this refill, or the refill has ended.");
            }
        }
    }

    /// <summary>Ends the refill: updates the tracker and accounts for every saga.</summary>
    /// <exception cref="InvalidOperationException">The refill has already ended.</exception>
    public RefillReport Complete()
    {
        lock (_lock)
        {
            if (_completed)
            {
                throw new InvalidOperationException("The refill has already ended.");
            }

            _completed = true;
            var tally = new PassTally();
            List<Candidate> notAttempted = [];
            _results.ApplyToDefinitions(_tracker, Basis, Sagas);
            foreach (Candidate candidate in Sagas)
            {
                if (!_results.TryApply(_tracker, Basis, candidate, tally))
                {
                    notAttempted.Add(candidate);
                }
            }

            _tracker.EndRefill(this, notAttempted);
            return Report(tally, notAttempted.Count);
        }
    }

    private RefillReport Report(PassTally tally, int notAttempted) => new()
    {
        Taken = Sagas.Count,
        Recovered = tally.Recovered,
        Failed = tally.Failed,
        Skipped = tally.AlreadyRunning,
        UnknownDefinition = tally.UnknownDefinition,
        Abandoned = tally.Abandoned,
        Superseded = tally.Superseded,
        NotAttempted = notAttempted,
        TimeToRecover = DurationHistogram.Of(tally.IdleTimes),
        RecoveredSagas = tally.RecoveredSagas.ToList(),
        FailedSagas = tally.FailedSagas.ToList(),
    };
}

/// <summary>The state of the tracker on which an attempt to resume sagas is based.</summary>
/// <param name="Drain">The last drain before the decision. A later drain may have read the end of the resumed run.</param>
/// <param name="Pass">The pass that listed the sagas last.</param>
/// <param name="StartedAt">The time at which the pass or the refill began.</param>
/// <param name="IsRefill">True for a refill.</param>
internal readonly record struct ResumeBasis(long Drain, long Pass, DateTimeOffset StartedAt, bool IsRefill = false);
