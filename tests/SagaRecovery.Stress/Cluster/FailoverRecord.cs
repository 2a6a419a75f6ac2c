using System.Text.Json.Nodes;

namespace SagaRecovery.Stress.Cluster;

/// <summary>The results of one kind of fail-over, over all rounds.</summary>
internal sealed class FailoverRecord(string name)
{
    private readonly List<FailoverTimes> _rounds = [];

    public int Rounds => _rounds.Count;

    public void Add(FailoverTimes times) => _rounds.Add(times);

    /// <summary>All times are from the strike.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["failover"] = name, ["rounds"] = Rounds };
        Add("Database", times => times.Database);
        Add("Pass", times => times.Pass);
        Add("Project", times => times.Project);
        return json;

        void Add(string what, Func<FailoverTimes, TimeSpan> of)
        {
            double[] sorted = [.. _rounds.Select(times => Math.Round(of(times).TotalMilliseconds)).Order()];
            json[$"median{what}Ms"] = sorted.Length == 0 ? null : sorted[sorted.Length / 2];
            json[$"slowest{what}Ms"] = sorted.Length == 0 ? null : sorted[^1];
        }
    }
}

/// <summary>The times from the strike until a function was available again.</summary>
/// <param name="Database">Another server accepted writes.</param>
/// <param name="Pass">A pass had completed, against that server.</param>
/// <param name="Project">Projects were being created.</param>
internal sealed record FailoverTimes(TimeSpan Database, TimeSpan Pass, TimeSpan Project)
{
    public override string ToString() => FormattableString.Invariant(
        $"writes after {Database.TotalMilliseconds:F0} ms, passes after {Pass.TotalMilliseconds:F0} ms, projects after {Project.TotalMilliseconds:F0} ms");
}
