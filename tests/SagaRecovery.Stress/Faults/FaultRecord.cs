using System.Text.Json.Nodes;

namespace SagaRecovery.Stress.Faults;

/// <summary>The results of one kind of fault, over all its strikes.</summary>
internal sealed class FaultRecord(string name)
{
    private readonly List<(TimeSpan Passes, TimeSpan Projects)> _recoveries = [];

    public string Name => name;

    public long FailedPasses { get; private set; }

    public void Add(long failedPasses, TimeSpan passes, TimeSpan projects)
    {
        FailedPasses += failedPasses;
        _recoveries.Add((passes, projects));
    }

    /// <summary>The times are from the healing until a pass had completed, and until projects were being created again.</summary>
    public JsonObject ToJson() => new()
    {
        ["fault"] = name,
        ["strikes"] = _recoveries.Count,
        ["failedPasses"] = FailedPasses,
        ["slowestPassMs"] = Slowest(recovery => recovery.Passes),
        ["slowestProjectMs"] = Slowest(recovery => recovery.Projects),
    };

    private double Slowest(Func<(TimeSpan Passes, TimeSpan Projects), TimeSpan> what) =>
        Math.Round(_recoveries.Select(what).DefaultIfEmpty().Max().TotalMilliseconds);
}
