using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Blast;

/// <summary>The command line.</summary>
internal static class BlastCommand
{
    public static RootCommand Create()
    {
        Option<Uri> url = new("--url")
        {
            Description = "Where the control plane listens",
            DefaultValueFactory = _ => new Uri("http://127.0.0.1:5080"),
            CustomParser = ParseUrl,
        };
        Option<int> concurrency = new("--concurrency") { Description = "How many clients work side by side", DefaultValueFactory = _ => 8 };
        Option<TimeSpan> pause = new("--pause")
        {
            Description = "How long a client waits after each answer: 10ms, 2s, 1m",
            DefaultValueFactory = _ => TimeSpan.Zero,
            CustomParser = ParseSpan,
        };
        Option<TimeSpan?> duration = new("--duration")
        {
            Description = "When to end: 500ms, 30s, 5m. Without it: at Ctrl-C",
            CustomParser = result => ParseSpan(result),
        };
        Option<bool> ignoreErrors = new("--ignore-errors") { Description = "Exit with 0 even if requests failed" };
        Option<FileInfo?> log = new("--log") { Description = "Writes the name of each project that was answered with 201 to this file, one to a line" };
        concurrency.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 10_000)
            {
                result.AddError("--concurrency must be 1 to 10000");
            }
        });

        RootCommand command = new(
            """
            Creates projects with unique names as fast as the control plane makes them.
            Progress goes to stderr, once a second. The last line goes to stdout: nstarted=N ndone=N nfailed=N
            (requests sent; answered with 201; answered otherwise, or cut off with an outcome that is not known).
            """)
        { url, concurrency, pause, duration, ignoreErrors, log };
        command.SetAction((parsed, cancellationToken) =>
        {
            var settings = new BlastSettings(
                parsed.GetValue(url)!, parsed.GetValue(concurrency), parsed.GetValue(pause), parsed.GetValue(duration), parsed.GetValue(log));
            return BlastRun.RunAsync(settings, parsed.GetValue(ignoreErrors), cancellationToken);
        });
        return command;
    }

    private static Uri? ParseUrl(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https")
        {
            return url;
        }

        result.AddError($"'{text}' is not an http or https address");
        return null;
    }

    internal static TimeSpan ParseSpan(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        foreach ((string unit, double milliseconds) in new[] { ("ms", 1d), ("s", 1_000), ("m", 60_000), ("h", 3_600_000) })
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, provider: null, out double value))
            {
                return TimeSpan.FromMilliseconds(value * milliseconds);
            }
        }

        result.AddError($"'{text}' is not a time span: give a number and a unit, such as 10ms, 2s, 1.5m");
        return TimeSpan.Zero;
    }
}
