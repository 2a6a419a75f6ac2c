using System.Text.RegularExpressions;

namespace Samples.Tests.Support;

/// <summary>A sample as its reader runs it: a process whose settings are environment variables.</summary>
internal sealed partial class SampleProcess : RunningProgram
{
    /// <summary>The longest wait for a sign of a program. It is far longer than a wait takes, for busy machines.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(3);

    /// <summary>bin/Release/net10.0, or what else these tests were built to.</summary>
    private static readonly string s_output =
        Path.GetRelativePath(Path.Combine(Repository.Root, "tests", "Samples.Tests"), AppContext.BaseDirectory);

    private readonly string _sample;

    private SampleProcess(string sample, SampleDatabase database, IReadOnlyList<string> command)
        : base(
            [
                "env",
                $"ConnectionStrings__Sagas={database.ConnectionString}",
                "SagaRecovery__CoordinatorId=shop-1",
                "SagaRecovery__Postgres__CreateSchema=true",
                "ASPNETCORE_URLS=http://127.0.0.1:0",
                .. WithInterrupt,
                .. command,
            ]) => _sample = sample;

    /// <summary>The client of a sample that serves HTTP, once it listens.</summary>
    public HttpClient Http { get; } = new() { Timeout = Longest };

    public static SampleProcess Start(string sample, SampleDatabase database, params IReadOnlyList<string> arguments) =>
        // as a reader runs it: beside its own dependencies
        new(sample, database, ["dotnet", Path.Combine(Repository.Root, "samples", sample, s_output, $"{sample}.dll"), .. arguments]);

    /// <summary>Starts a sample that is native code.</summary>
    public static SampleProcess StartNative(string program, SampleDatabase database, params IReadOnlyList<string> arguments) =>
        new(Path.GetFileName(program), database, [program, .. arguments]);

    /// <summary>Starts a sample that serves HTTP, and waits until it listens.</summary>
    public static async Task<SampleProcess> ServeAsync(string sample, SampleDatabase database, params IReadOnlyList<string> arguments)
    {
        SampleProcess process = Start(sample, database, arguments);
        try
        {
            string line = await process.PrintsAsync("Now listening on: ");
            process.Http.BaseAddress = new Uri(AddressRule().Match(line).Value);
            return process;
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until the process has printed a line with this text.</summary>
    /// <returns>The first such line.</returns>
    public async Task<string> PrintsAsync(string text)
    {
        string? line = null;
        try
        {
            await Eventually.HoldsAsync(
                () =>
                {
                    bool exited = HasExited; // before the output, which is complete then
                    line = Output.FirstOrDefault(printed => printed.Contains(text, StringComparison.Ordinal));
                    return line is not null || exited;
                },
                "the line was printed",
                Longest);
        }
        catch (TimeoutException)
        {
        }

        return line ?? throw new InvalidOperationException(
            $"{_sample} did not print '{text}' but:\n{string.Join('\n', Output)}\n{string.Join('\n', Errors)}");
    }

    public bool HasPrinted(string text) => Output.Any(line => line.Contains(text, StringComparison.Ordinal));

    public override ValueTask DisposeAsync()
    {
        Http.Dispose();
        return base.DisposeAsync();
    }

    [GeneratedRegex("http://[0-9.:]+", RegexOptions.None, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex AddressRule();
}
