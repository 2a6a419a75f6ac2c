using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Blast;

/// <summary>Defines the command line.</summary>
internal static class BlastCommand
{
    public static RootCommand Create()
    {
        Option<Uri> url = new("--url")
        {
            Description = "The address of the control plane",
            DefaultValueFactory = _ => new Uri("http://127.0.0.1:5080"),
            CustomParser = ParseUrl,
        };
        Option<int> concurrency = new("--concurrency") { Description = "The number of concurrent clients", DefaultValueFactory = _ => 8 };
        Option<TimeSpan> pause = new("--pause")
        {
            Description = "The time that a client waits after each response: 10ms, 2s, 1m",
            DefaultValueFactory = _ => TimeSpan.Zero,
            CustomParser = ParseSpan,
        };
        Option<TimeSpan?> duration = new("--duration")
        {
            Description = "The duration of the run: 500ms, 30s, 5m [default: until Ctrl-C]",
            CustomParser = result => ParseSpan(result),
        };
        Option<bool> ignoreErrors = new("--ignore-errors") { Description = "Exit with code 0 even if requests failed" };
        Option<FileInfo?> log = new("--log") { Description = "Append the name of each project that was answered with 201 to this file, one per line" };
        concurrency.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 10_000)
            {
                result.AddError("--concurrency must be 1 to 10000");
            }
        });

        RootCommand command = new(
            """
            Creates projects with unique names as fast as the control plane accepts them.
            Progress goes to stderr, once a second. The last line goes to stdout: nstarted=N ndone=N nfailed=N
            (requests sent; answered with 201; failed, or cut off with an unknown outcome).
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

        result.AddError($"'{text}' is not a duration: use a number and a unit, such as 10ms, 2s or 1.5m");
        return TimeSpan.Zero;
    }
}
