using System.Text.RegularExpressions;
using ControlPlane.Tests.Support;

namespace ControlPlane.Tests;

public sealed partial class BlastTests(PostgresCluster postgres) : DatabaseTests(postgres)
{
    private readonly string _log = Path.GetTempFileName();

    public override ValueTask DisposeAsync()
    {
        File.Delete(_log);
        return base.DisposeAsync();
    }

    [Fact]
    public async Task It_counts_and_records_what_was_answered()
    {
        await using ServiceProcess service = await StartServiceAsync();
        await using var blast = new RunningProgram(
            "Blast", "--url", service.Http.BaseAddress!.ToString(), "--concurrency", "4", "--duration", "1500ms", "--pause", "1ms", "--log", _log);

        (await blast.ExitCodeAsync()).Should().Be(0);

        (long started, long done, long failed) = Counts(blast);
        (started, failed).Should().Be((done, 0));
        string[] acknowledged = await File.ReadAllLinesAsync(_log);
        acknowledged.Should().HaveCount((int)done).And.OnlyHaveUniqueItems();
        (await Ledger.WholeProjectsAsync()).Should().BeEquivalentTo(acknowledged);
        blast.Errors.Should().Contain(line => line.Contains("done", StringComparison.Ordinal), "it shows progress");
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_signal_ends_it_with_the_same_line(string signal)
    {
        await using ServiceProcess service = await StartServiceAsync();
        await using var blast = new RunningProgram("Blast", "--url", service.Http.BaseAddress!.ToString(), "--log", _log);
        await Eventually.HoldsAsync(() => new FileInfo(_log).Length > 0, "it was under way");

        await blast.SignalAsync(signal);

        (await blast.ExitCodeAsync()).Should().Be(0);
        Counts(blast).Done.Should().Be((await File.ReadAllLinesAsync(_log)).Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0, "--ignore-errors")]
    public async Task It_fails_if_anything_failed_unless_disabled(int exitCode, params string[] arguments)
    {
        await using var blast = new RunningProgram("Blast", ["--url", "http://127.0.0.1:1", "--duration", "300ms", .. arguments]);

        (await blast.ExitCodeAsync()).Should().Be(exitCode);

        (long started, long done, long failed) = Counts(blast);
        (done, failed).Should().Be((0, started));
    }

    [Theory]
    [InlineData("--concurrency", "0")]
    [InlineData("--pause", "10")]
    [InlineData("--url", "ftp://127.0.0.1")]
    public async Task An_argument_that_makes_no_sense_is_named(string option, string value)
    {
        await using var blast = new RunningProgram("Blast", option, value);

        (await blast.ExitCodeAsync()).Should().Be(1);
        string.Join('\n', blast.Errors).Should().Contain(option == "--concurrency" ? option : value);
    }

    private static (long Started, long Done, long Failed) Counts(RunningProgram blast)
    {
        Match match = LastLine().Match(blast.Output.Last());
        match.Success.Should().BeTrue("the last line was '{0}'", blast.Output.Last());
        return (long.Parse(match.Groups["started"].Value), long.Parse(match.Groups["done"].Value), long.Parse(match.Groups["failed"].Value));
    }

    [GeneratedRegex("^nstarted=(?<started>[0-9]+) ndone=(?<done>[0-9]+) nfailed=(?<failed>[0-9]+)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex LastLine();
}
