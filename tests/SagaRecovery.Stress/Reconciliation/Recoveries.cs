namespace SagaRecovery.Stress.Reconciliation;

/// <summary>
/// The times of processes until their first pass had resumed everything: from their start, most of which is the runtime's, and
/// from the moment they had joined, which is recovery's.
/// </summary>
internal sealed class Recoveries
{
    private readonly List<TimeSpan> _times = [];
    private readonly List<TimeSpan> _sinceJoined = [];

    public int Timed => _times.Count;

    /// <summary>Adds a process that completed a pass.</summary>
    public void Add(ProcessLog log, DateTimeOffset launchedAt)
    {
        if (log.Of(LogEventId.PassComplete).FirstOrDefault(line => line.Message!.Contains(" Completed ", StringComparison.Ordinal)) is { } first)
        {
            _times.Add(first.Time - launchedAt);
            _sinceJoined.Add(first.Time - log.Of(LogEventId.Joined).Single().Time);
        }
    }

    public void AddFigures(StressRun run)
    {
        run.Figures["recoveriesTimed"] = _times.Count;
        AddFigures("RecoveryMs", _times);
        AddFigures("RecoverySinceJoinedMs", _sinceJoined);

        void AddFigures(string name, List<TimeSpan> times)
        {
            times.Sort();
            run.Figures[$"median{name}"] = times.Count == 0 ? null : Math.Round(times[times.Count / 2].TotalMilliseconds);
            run.Figures[$"slowest{name}"] = times.Count == 0 ? null : Math.Round(times[^1].TotalMilliseconds);
        }
    }
}
