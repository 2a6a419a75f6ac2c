using System.Globalization;
using System.Text;

namespace SagaRecovery.Executor.Tests.Telemetry.Alerts;

/// <summary>A course of events, one sample a minute, and the minutes at which an alert must fire or be silent.</summary>
/// <param name="Alert">The alert; null for all of them.</param>
/// <param name="Story">The course of events in words.</param>
internal sealed record AlertTrial(string? Alert, string Story)
{
    private readonly List<(string Series, string Values)> _series = [];
    private readonly SortedDictionary<int, bool> _expected = [];

    /// <summary>Adds a series of one process.</summary>
    public AlertTrial With(string metric, string values, string instance = "a")
    {
        string labels = $"job=\"app\",instance=\"{instance}\"}}";
        _series.Add((metric.EndsWith('}') ? $"{metric[..^1]},{labels}" : $"{metric}{{{labels}", values));
        return this;
    }

    public AlertTrial Fires(params IEnumerable<int> minutes) => Expect(minutes, fires: true);

    public AlertTrial IsSilent(params IEnumerable<int> minutes) => Expect(minutes, fires: false);

    /// <summary>Repeats a value for some minutes.</summary>
    public static string For(int minutes, double value) =>
        minutes == 1 ? value.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{value}x{minutes - 1}");

    /// <summary>The process is gone, and its series are stale.</summary>
    public static string Gone(int minutes) => minutes == 1 ? "stale" : string.Create(CultureInfo.InvariantCulture, $"stale _x{minutes - 1}");

    /// <summary>Writes trials in the form of promtool.</summary>
    public static string ToYaml(string rules, IEnumerable<AlertTrial> trials)
    {
        var yaml = new StringBuilder().AppendLine($"rule_files: ['{rules}']").AppendLine("evaluation_interval: 1m").AppendLine("tests:");
        foreach (AlertTrial trial in trials)
        {
            yaml.AppendLine("- interval: 1m").AppendLine($"  name: '{trial.Alert ?? "all"}, {trial.Story}'").AppendLine("  input_series:");
            foreach ((string series, string values) in trial._series)
            {
                yaml.AppendLine($"  - {{ series: '{series}', values: '{values}' }}");
            }

            string which = trial.Alert is null ? "" : $"alertname=\"{trial.Alert}\",";
            yaml.AppendLine("  promql_expr_test:");
            foreach ((int minute, bool fires) in trial._expected)
            {
                yaml.AppendLine($"  - expr: 'count(ALERTS{{{which}alertstate=\"firing\"}}) > bool 0 or vector(0) # {trial.Story}'") // promtool prints it, and not the name
                    .AppendLine(CultureInfo.InvariantCulture, $"    eval_time: {minute}m")
                    .AppendLine($"    exp_samples: [{{ labels: '{{}}', value: {(fires ? 1 : 0)} }}]");
            }
        }

        return yaml.ToString();
    }

    private AlertTrial Expect(IEnumerable<int> minutes, bool fires)
    {
        foreach (int minute in minutes)
        {
            _expected.Add(minute, fires);
        }

        return this;
    }
}
