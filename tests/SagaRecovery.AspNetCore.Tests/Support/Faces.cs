using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace SagaRecovery.AspNetCore.Tests.Support;

/// <summary>Every interface of one process, read in sequence: the counts that each reports, by their names in the report.</summary>
internal sealed partial class Faces
{
    private static readonly string[] Counted = ["recovered", "failed", "observedStarts", "inferredFinished", "passes", "missedHints"];

    private static readonly Dictionary<string, string> TextLabels = new(StringComparer.Ordinal)
    {
        ["recovered"] = "sagas recovered", ["failed"] = "sagas recovery errors", ["observedStarts"] = "sagas observed started",
        ["inferredFinished"] = "sagas inferred finished", ["passes"] = "passes", ["missedHints"] = "hints missed",
    };

    private static readonly Dictionary<string, string> Metrics = new(StringComparer.Ordinal)
    {
        ["recovered"] = "saga_recovery_sagas_total{outcome=recovered}", ["failed"] = "saga_recovery_sagas_total{outcome=failed}",
        ["observedStarts"] = "saga_recovery_starts_observed_total", ["inferredFinished"] = "saga_recovery_sagas_total{outcome=removed}",
        ["passes"] = "saga_recovery_passes_total", ["tracked"] = "saga_recovery_tracked", ["held"] = "saga_recovery_held",
        ["waiting"] = "saga_recovery_waiting", ["missedHints"] = "saga_recovery_hints_missed_total",
        ["orphans"] = "saga_recovery_orphans", ["ownerDown"] = "saga_recovery_owner_down", ["drainLeft"] = "saga_recovery_drain_left",
    };

    private static readonly Dictionary<string, string> LogLines = new(StringComparer.Ordinal)
    {
        ["taken on"] = "recovered saga:", ["taken back"] = "saga no longer counts as recovered, since its run was interrupted:",
        ["not resumed"] = "failed to recover saga:", ["interrupted"] = "executor interrupted saga, to be retried:", ["observedStarts"] = "observed saga start:",
        ["inferredFinished"] = "saga has finished (missing from the listing):", ["passes"] = "activation ended:",
    };

    private Faces(JsonElement report) => Report = report;

    public JsonElement Report { get; }

    public Dictionary<string, Dictionary<string, long>> Counts { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads every interface; starts over if a pass ends meanwhile.</summary>
    public static async Task<Faces> ReadAsync(ServiceProcess service)
    {
        while (true)
        {
            var faces = new Faces(await service.StatusAsync());
            faces.Counts["json"] = faces.OfReport(faces.Report);
            faces.Counts["text"] = OfText(await service.Http.GetStringAsync("/saga-recovery"));
            faces.Counts["metrics"] = OfMetrics(await service.Http.GetStringAsync("/metrics"));
            faces.Counts["tool, json"] = faces.OfReport(JsonDocument.Parse(await ToolAsync(service, "status", "--json")).RootElement);
            faces.Counts["tool, text"] = OfText(await ToolAsync(service, "status"));
            faces.Counts["endpoint of the cluster"] = OfCluster(JsonDocument.Parse(await service.Http.GetStringAsync("/saga-recovery/cluster")).RootElement);
            faces.Counts["tool, cluster"] = OfCluster(JsonDocument.Parse(await ToolAsync(service, "coordinators", "orphans", "--json")).RootElement);
            await Eventually.HoldsAsync(() => OfLog(service)["passes"] >= Passes(faces.Report), "the lines of the last pass had come through the pipe");
            faces.Counts["log"] = OfLog(service);
            await faces.ReadPageAsync(service);
            if (Passes(await service.StatusAsync()) == Passes(faces.Report))
            {
                return faces;
            }
        }
    }

    /// <summary>The page case asserts the numbers of its tiles.</summary>
    private async Task ReadPageAsync(ServiceProcess service)
    {
        Dictionary<string, long> json = Counts["json"];
        string expected = JsonSerializer.Serialize(new Dictionary<string, long>(StringComparer.Ordinal)
        {
            ["accepted here at the last pass"] = json["tracked"], ["waiting to be recovered"] = json["waiting"], ["held"] = json["held"],
            ["recovered since start"] = json["recovered"], ["failed to recover since start"] = json["failed"],
            ["orphans"] = json["orphans"], ["owner down"] = json["ownerDown"], ["hints missed"] = json["missedHints"],
        });
        await using var browser = new BrowserRun("agreement", new Uri(service.Http.BaseAddress!, "/saga-recovery").ToString(), expected);
        await browser.EndsWellAsync();
    }

    private Dictionary<string, long> OfReport(JsonElement report)
    {
        JsonElement totals = report.GetProperty("totals");
        Dictionary<string, long> counts = Counted.ToDictionary(name => name, name => totals.GetProperty(name).GetInt64(), StringComparer.Ordinal);
        counts["tracked"] = report.GetProperty("tracked").GetInt64();
        counts["held"] = report.GetProperty("heldCount").GetInt64();
        counts["waiting"] = report.GetProperty("waitingCount").GetInt64();
        counts["drainLeft"] = report.GetProperty("drain").GetProperty("left").GetInt64();
        foreach ((string name, long count) in OfCluster(report.GetProperty("cluster")))
        {
            counts[name] = count;
        }

        return counts;
    }

    private static Dictionary<string, long> OfCluster(JsonElement cluster) => new(StringComparer.Ordinal)
    {
        ["orphans"] = cluster.GetProperty("orphans").GetProperty("count").GetInt64(),
        ["ownerDown"] = cluster.GetProperty("ownerDown").GetProperty("count").GetInt64(),
    };

    private static Dictionary<string, long> OfText(string text)
    {
        Dictionary<string, long> counts = TextLabels.ToDictionary(label => label.Key, label => Number($@"^\s+{label.Value}:\s+(\d+)"), StringComparer.Ordinal);
        counts["orphans"] = Number(@"^  ORPHANS: (\d+) ");
        counts["ownerDown"] = Number(@"^  OWNER DOWN: (\d+) ");
        counts["drainLeft"] = Number(@"^  DRAINING .* (\d+) left,");
        return counts;

        long Number(string pattern) =>
            long.Parse(Regex.Match(text, pattern, RegexOptions.Multiline, TimeSpan.FromMinutes(1)).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    private static Dictionary<string, long> OfMetrics(string text)
    {
        Dictionary<string, double> sums = new(StringComparer.Ordinal);
        foreach (Match line in MetricLine().Matches(text))
        {
            string name = line.Groups["name"].Value;
            double value = double.Parse(line.Groups["value"].Value, CultureInfo.InvariantCulture);
            sums[name] = sums.GetValueOrDefault(name) + value;
            if (OutcomeLabel().Match(line.Groups["labels"].Value) is { Success: true } outcome)
            {
                string labelled = $"{name}{{outcome={outcome.Groups["outcome"].Value}}}";
                sums[labelled] = sums.GetValueOrDefault(labelled) + value;
            }
        }

        return Metrics.ToDictionary(metric => metric.Key, metric => (long)sums[metric.Value], StringComparer.Ordinal);
    }

    private static Dictionary<string, long> OfLog(ServiceProcess service)
    {
        Dictionary<string, long> counts = LogLines.ToDictionary(
            line => line.Key, line => service.Output.LongCount(output => output.Contains($" {line.Value} ", StringComparison.Ordinal)), StringComparer.Ordinal);
        counts["recovered"] = Take("taken on") - Take("taken back");
        counts["failed"] = Take("not resumed") + Take("interrupted");
        return counts;

        long Take(string name) => counts.Remove(name, out long count) ? count : 0;
    }

    /// <summary>Runs a command of the tool, and returns its output.</summary>
    public static async Task<string> ToolAsync(ServiceProcess service, params IReadOnlyList<string> command)
    {
        await using var tool = new RunningProgram("SagaRecovery.Cli", [.. command, "--url", service.Http.BaseAddress!.ToString()]);
        (await tool.ExitCodeAsync()).Should().Be(0, string.Join('\n', tool.Errors));
        return string.Join('\n', tool.Output);
    }

    private static long Passes(JsonElement report) => report.GetProperty("totals").GetProperty("passes").GetInt64();

    [GeneratedRegex(@"^(?<name>saga_recovery_\w+)\{(?<labels>[^}]*)\} (?<value>\S+)", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex MetricLine();

    [GeneratedRegex("outcome=\"(?<outcome>\\w+)\"", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex OutcomeLabel();
}
