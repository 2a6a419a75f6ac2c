namespace SagaRecovery.Stress.Reconciliation;

/// <summary>How long processes took from their start until their first pass had handed everything over.</summary>
internal sealed class Recoveries
{
    private readonly List<TimeSpan> _times = [];

    public int Timed => _times.Count;

    /// <summary>Adds a process that came that far.</summary>
    public void Add(ProcessLog log, DateTimeOffset launchedAt)
    {
        if (log.Of(Told.PassComplete).FirstOrDefault(line => line.Said!.Contains(" Completed ", StringComparison.Ordinal)) is { } first)
        {
            _times.Add(first.Time - launchedAt);
        }
    }

    public void AddFigures(StressRun run)
    {
        _times.Sort();
        run.Figures["recoveriesTimed"] = _times.Count;
        run.Figures["medianRecoveryMs"] = _times.Count == 0 ? null : Math.Round(_times[_times.Count / 2].TotalMilliseconds);
        run.Figures["slowestRecoveryMs"] = _times.Count == 0 ? null : Math.Round(_times[^1].TotalMilliseconds);
    }
}
