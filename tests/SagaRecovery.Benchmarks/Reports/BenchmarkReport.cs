using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Reports;

/// <summary>The results of a run, for people and for programs.</summary>
/// <param name="Machine">The machine of the measurements.</param>
/// <param name="Measurements">The measurements.</param>
/// <param name="Goals">The figures to reach, as far as this run has measured them.</param>
/// <param name="BenchmarkDotNet">The result of BenchmarkDotNet for the core, in its own form; null: it did not run.</param>
internal sealed record BenchmarkReport(
    string Machine, IReadOnlyList<Measurement> Measurements, IReadOnlyList<Goal> Goals, JsonNode? BenchmarkDotNet = null)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private static readonly (string Metric, string Name)[] Counts =
    [
        (Metric.MultiXactIds, "MultiXactIds"), (Metric.WritesASecond, "writes a second"), (Metric.BytesAPass, "bytes a pass"),
        (Metric.BytesAHeartbeat, "bytes a heartbeat"), (Metric.NotEntered, "not entered again"), (Metric.EnteredTwice, "entered twice"),
        (Metric.FirstStepsAgain, "first steps again"),
    ];

    /// <summary>The libraries that were compared; empty: none.</summary>
    public IReadOnlyList<PeerDescription> Peers { get; init; } = [];

    /// <summary>The growth of the costs that were measured at enough sizes.</summary>
    public IEnumerable<GrowthOf> Growths =>
        from one in Measurements
        group one by (one.Area, one.What, one.Subject) into sizes
        let time = ExponentOf(sizes, Metric.Seconds)
        where time is not null
        select new GrowthOf(
            sizes.Key.Area,
            sizes.Key.What,
            sizes.Key.Subject,
            [.. sizes.Select(size => size.Size)],
            time.Value,
            ExponentOf(sizes, Metric.AllocatedBytes),
            ExponentOf(sizes, Metric.ManagedPeakBytes));

    public string ToText() => string.Join('\n', (string[])[Machine, "", MeasurementTable(), CountTable(), GrowthTable(), GoalTable(), .. Peers.Select(Describe)]);

    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Machine,
            Measurements = Measurements.Select(one => new
            {
                one.Area,
                one.What,
                one.Size,
                one.Subject,
                one.Reference,
                Speed = ReferenceOf(one) is { } reference ? one.SpeedOf(reference) : (double?)null,
                Figures = one.Turns[0].Figures.Keys.ToDictionary(metric => metric, metric => one[metric]),
                Turns = one.Turns.Select(turn => turn.Figures),
            }),
            Growths,
            Goals,
            Peers,
            BenchmarkDotNet,
        },
        Json);

    private static string Describe(PeerDescription peer) =>
        $"{peer.Name} ({peer.Version})\n  settings: {(peer.Settings.Length == 0 ? "defaults" : peer.Settings)}\n  guarantees: {peer.Guarantees}";

    private static double? ExponentOf(IEnumerable<Measurement> sizes, string metric) =>
        Growth.Exponent(sizes.Select(size => ((double)size.Size, CostOf(size, metric) ?? 0)));

    private static double? CostOf(Measurement size, string metric) =>
        size[Metric.SizeIsAtATime] is null ? size[metric]?.Median : size[metric]?.Median / size.Median(Metric.Rows);

    private Measurement? ReferenceOf(Measurement measurement) => Measurements.FirstOrDefault(
        other => other.Subject == measurement.Reference
            && (other.Area, other.What, other.Size) == (measurement.Area, measurement.What, measurement.Size));

    private string MeasurementTable()
    {
        var table = new TextTable("what", ">size", "subject", ">median", ">min – max", ">a second", ">speed", ">KB each", ">CPU s", ">heap MB", ">peak MB");
        foreach (Measurement one in Measurements)
        {
            Statistics time = one[Metric.Seconds]!.Value;
            double? rows = one[Metric.Rows]?.Median is > 0 and var some ? some : null;
            table.Add(
                one.What,
                Figures.Count(one.Size),
                one.Subject,
                Figures.Time(time.Median),
                $"{Figures.Time(time.Min)} – {Figures.Time(time.Max)}",
                Figures.Count(rows / time.Median),
                ReferenceOf(one) is { } reference ? one.SpeedOf(reference).ToString("F2", CultureInfo.InvariantCulture) : "",
                Figures.Short(one[Metric.AllocatedBytes]?.Median / 1024 / rows),
                Figures.Short(one[Metric.CpuSeconds]?.Median),
                Figures.Count(one[Metric.ManagedPeakBytes]?.Median / 1e6),
                Figures.Count(one[Metric.PeakBytes]?.Median / 1e6));
        }

        return table.ToString();
    }

    /// <summary>Figures other than times, and the statements a second by kind.</summary>
    private string CountTable()
    {
        var table = new TextTable("counted", ">size", "subject", "beside", ">median", ">min – max");
        foreach ((string metric, string name) in Counts)
        {
            foreach (Measurement one in Measurements)
            {
                if (one[metric] is { } count)
                {
                    table.Add(
                        name, Figures.Count(one.Size), one.Subject, one.What, Figures.Count(count.Median), $"{Figures.Count(count.Min)} – {Figures.Count(count.Max)}");
                }
            }
        }

        foreach (Measurement one in Measurements)
        {
            foreach (string metric in one.Turns[0].Figures.Keys.Where(metric => metric.StartsWith(Metric.StatementsASecond, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            {
                Statistics rate = one[metric]!.Value;
                table.Add(metric, Figures.Count(one.Size), one.Subject, one.What, Figures.Short(rate.Median), $"{Figures.Short(rate.Min)} – {Figures.Short(rate.Max)}");
            }
        }

        return table.ToString();
    }

    private string GrowthTable()
    {
        var table = new TextTable("grows with size to the power of", "subject", ">time", ">allocated", ">heap", "sizes");
        foreach (GrowthOf growth in Growths)
        {
            table.Add(
                growth.What,
                growth.Subject,
                Figures.Short(growth.Time),
                Figures.Short(growth.Allocated),
                Figures.Short(growth.Heap),
                string.Join(' ', growth.Sizes.Select(size => Figures.Count(size))));
        }

        return table.ToString();
    }

    private string GoalTable()
    {
        var table = new TextTable("goal", ">to reach", ">measured", "unit", "reached");
        foreach (Goal goal in Goals)
        {
            table.Add(goal.What, $"{(goal.IsUpper ? "<=" : ">=")} {Figures.Short(goal.Limit)}", Figures.Short(goal.Measured), goal.Unit, goal.IsReached ? "yes" : "NO");
        }

        return table.ToString();
    }
}

/// <summary>The growth of the cost of a subject: size to the power of these; null: too few sizes have the figure.</summary>
/// <param name="Area">The area.</param>
/// <param name="What">The operation.</param>
/// <param name="Subject">The subject.</param>
/// <param name="Sizes">The sizes that were measured.</param>
/// <param name="Time">The time; where sizes are concurrent sagas, for each saga. The same applies to the other two.</param>
/// <param name="Allocated">The allocated memory.</param>
/// <param name="Heap">The peak size of the managed heap.</param>
internal sealed record GrowthOf(
    string Area, string What, string Subject, IReadOnlyList<int> Sizes, double Time, double? Allocated, double? Heap);
