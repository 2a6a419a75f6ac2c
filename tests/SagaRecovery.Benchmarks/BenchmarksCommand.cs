using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using SagaRecovery.Benchmarks.Areas;
using SagaRecovery.Benchmarks.Reports;

namespace SagaRecovery.Benchmarks;

/// <summary>The command line.</summary>
internal static class BenchmarksCommand
{
    private const string All = "all";

    public static RootCommand Create()
    {
        Argument<string> area = new("area")
        {
            Description = $"What to measure: {string.Join(", ", Area.Every.Select(one => $"{one.Name} ({one.Description})"))}; or {All}",
        };
        area.AcceptOnlyFromAmong([.. Area.Every.Select(one => one.Name), All]);
        Option<IReadOnlyList<int>?> sizes = new("--sizes")
        {
            Description = "How many sagas, separated by commas: 1000,10000. Without it: what the area is about",
            CustomParser = ParseSizes,
        };
        Option<int?> turns = new("--turns") { Description = "How often each subject is measured. Without it: 3, and 1 where one takes minutes" };
        Option<FileInfo?> json = new("--json") { Description = "Writes the results to this file, too" };
        Option<bool> isShort = new("--short") { Description = "Few and tiny sizes: shows that it runs, and no more" };

        Option<bool> fsyncOff = new("--fsync-off") { Description = "Starts the server with fsync off, so that the processor limits the figures, and not the disk" };

        RootCommand command = new(
            """
            Measures saga recovery against raw readers of the same rows, on a Postgres of its own (fsync on). Each subject runs in a process
            of its own, in turns with its reference. Progress goes to stderr, the tables to stdout.
            """)
        { area, sizes, turns, json, isShort, fsyncOff };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string name = parsed.GetValue(area)!;
            Area[] chosen = [.. Area.Every.Where(one => name == All || one.Name == name)];
            var scope = new Scope(parsed.GetValue(sizes), parsed.GetValue(turns), parsed.GetValue(isShort)) { IsDurable = !parsed.GetValue(fsyncOff) };
            BenchmarkReport report = await BenchmarkRun.RunAsync(chosen, scope, Console.Error);
            await Console.Out.WriteLineAsync(report.ToText().AsMemory(), cancellationToken);
            if (parsed.GetValue(json) is { } file)
            {
                await File.WriteAllTextAsync(file.FullName, report.ToJson(), cancellationToken);
            }

            return 0;
        });
        return command;
    }

    private static List<int>? ParseSizes(ArgumentResult result)
    {
        List<int> sizes = [];
        foreach (string text in result.Tokens[0].Value.Split(','))
        {
            if (!int.TryParse(text, NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out int size) || size < 1)
            {
                result.AddError($"--sizes takes counts of sagas from 1 up, as in 1000,10000 ('{text}' is none)");
                return null;
            }

            sizes.Add(size);
        }

        return sizes;
    }
}
