using System.CommandLine;
using System.Text.Json;
using Blast;
using SagaRecovery.Stress.Scenarios;

namespace SagaRecovery.Stress;

/// <summary>The command line.</summary>
internal static class StressCommand
{
    private const string All = "all";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static RootCommand Create()
    {
        Argument<string> scenario = new("scenario")
        {
            Description = $"Which one: {string.Join(", ", Scenario.Every.Select(one => one.Name))}; or {All}, which shares the duration among them",
        };
        scenario.AcceptOnlyFromAmong([.. Scenario.Every.Select(one => one.Name), All]);
        Option<TimeSpan> duration = new("--duration")
        {
            Description = "The time until the reconciliation begins: 30s, 10m, 2h",
            DefaultValueFactory = _ => TimeSpan.FromMinutes(1),
            CustomParser = BlastCommand.ParseSpan,
        };
        Option<int?> seed = new("--seed") { Description = "Draws the same delays and victims again. Without it: another each time" };
        Option<FileInfo?> file = new("--json") { Description = "Writes the results to this file, and not to stdout" };

        RootCommand command = new(
            """
            Runs the control plane on a Postgres of its own, does its worst to both, and reconciles what is left.
            Progress goes to stderr; the results, one JSON object for each scenario, to stdout. Exits with 0 only if each verdict is ok.
            """)
        { scenario, duration, seed, file };
        command.SetAction(async (parsed, _) =>
        {
            string name = parsed.GetValue(scenario)!;
            Scenario[] chosen = [.. Scenario.Every.Where(one => name == All ? !LateKillerScenario.Long.Contains(one) : one.Name == name)];
            TimeSpan each = parsed.GetValue(duration) / chosen.Length;
            List<StressResult> results = [];
            foreach (Scenario one in chosen)
            {
                results.Add(await StressRun.RunAsync(one, each, parsed.GetValue(seed) ?? Random.Shared.Next(), Console.Error));
            }

            await PrintAsync(results, parsed.GetValue(file));
            return results.TrueForAll(result => result.IsOk) ? 0 : 1;
        });
        return command;
    }

    private static async Task PrintAsync(List<StressResult> results, FileInfo? file)
    {
        foreach (StressResult result in results)
        {
            await Console.Error.WriteLineAsync(result.ToString());
        }

        IEnumerable<string> objects = results.Select(result => JsonSerializer.Serialize(result.ToJson(), Json));
        await (file is null
            ? Console.Out.WriteLineAsync(string.Join('\n', objects))
            : File.WriteAllLinesAsync(file.FullName, objects));
    }
}
