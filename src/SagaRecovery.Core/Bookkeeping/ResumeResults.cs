namespace SagaRecovery.Bookkeeping;

/// <summary>The results of the attempts to resume sagas, of a pass or of a refill. Not thread-safe.</summary>
/// <param name="capacity">The expected number of results.</param>
internal sealed class ResumeResults(int capacity)
{
    private readonly Dictionary<SagaId, (ResumeResult Result, DateTimeOffset At)> _results = new(capacity);

    public int Count => _results.Count;

    /// <summary>True if no saga runs and none may have begun: each result shows that the executor did not take the saga.</summary>
    public bool NothingRuns => _results.Values.All(recorded => recorded.Result is ResumeResult.UnknownDefinition or ResumeResult.Superseded or ResumeResult.Abandoned);

    /// <summary>The number of sagas that do not run after their attempt, but must.</summary>
    public int NotRunning => _results.Values.Count(recorded => recorded.Result is ResumeResult.Failed or ResumeResult.UnknownDefinition);

    public bool Contains(SagaId sagaId) => _results.ContainsKey(sagaId);

    /// <returns>False if the saga already has a result.</returns>
    public bool TryAdd(SagaId sagaId, ResumeResult result, DateTimeOffset at) => _results.TryAdd(sagaId, (result, at));

    /// <summary>Applies all results to the definitions of their sagas, before any is applied to its saga: the answers for a definition can differ.</summary>
    public void ApplyToDefinitions(SagaTracker tracker, ResumeBasis basis, IEnumerable<Candidate> sagas)
    {
        foreach (Candidate candidate in sagas)
        {
            if (candidate.Definition is not null && _results.TryGetValue(candidate.SagaId, out (ResumeResult Result, DateTimeOffset At) recorded))
            {
                tracker.ApplyToDefinition(basis, candidate, recorded.Result, recorded.At);
            }
        }
    }

    /// <summary>Counts the result of a saga, and applies it to the saga.</summary>
    /// <returns>False if the saga has no result.</returns>
    public bool TryApply(SagaTracker tracker, ResumeBasis basis, Candidate candidate, PassTally tally)
    {
        if (!_results.TryGetValue(candidate.SagaId, out (ResumeResult Result, DateTimeOffset At) recorded))
        {
            return false;
        }

        tally.Count(candidate, recorded.Result, recorded.At, tracker.IdleSinceOf(candidate.SagaId, basis.StartedAt));
        tracker.ApplyResume(basis, candidate, recorded.Result, recorded.At);
        return true;
    }
}
