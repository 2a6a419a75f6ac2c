using SagaRecovery.Cli.Tests.Support;

namespace SagaRecovery.Cli.Tests;

/// <summary>The program as it is built: its exit codes, pipes, files and signals.</summary>
[Collection(OnPostgres.Name)]
public sealed class ProgramTests(SampleFixture fixture) : IClassFixture<SampleFixture>
{
    private SampleService Sample => fixture.Sample;

    [Fact]
    public async Task Exit_codes_reach_the_shell()
    {
        string saga = await Sample.StartDemoSagaAsync();
        (int exitCode, string output, string error) = await ShellAsync(
            $"""
            $TOOL sagas list --name demo > /dev/null; echo -n "$? "
            $TOOL schema check --schema nothing_here 2> /dev/null > /dev/null; echo -n "$? "
            $TOOL sagas abandon {saga} --comment x 2> /dev/null; echo -n "$? "
            $TOOL sagas show {Guid.NewGuid()} 2> /dev/null; echo -n "$? "
            $TOOL sagas release {saga} --comment x 2> /dev/null; echo -n "$? "
            $TOOL sagas abandon {saga} --comment x --yes 2> /dev/null; echo -n "$? "
            $TOOL status --connection 'Host=127.0.0.1;Port=1' 2> /dev/null; echo -n "$? "
            """);

        (exitCode, error).Should().Be((0, ""));
        output.Should().Be("0 1 2 3 4 5 6 ");
    }

    [Fact]
    public async Task Without_a_terminal_rows_are_lines_without_colour()
    {
        string saga = await Sample.StartDemoSagaAsync();

        (_, string output, _) = await ShellAsync("$TOOL sagas list | awk '{ print $1, $2, $3, NF }'", ("TERM", "xterm-256color"));

        output.Should().StartWith("NAME ID STATE 9\n").And.Contain($"demo {saga} running 9\n").And.NotContain("\u001b");
    }

    /// <summary>util-linux's script runs a command on a terminal of its own.</summary>
    [Fact]
    public async Task On_a_real_terminal_no_row_is_wider_than_the_terminal()
    {
        string saga = await Sample.StartDemoSagaAsync();
        string shown = $"stty cols 80 rows 25; $TOOL sagas list; $TOOL coordinators list; $TOOL sagas show {saga}; $TOOL definitions list";

        (_, string output, _) = await ShellAsync($"script -qec '{shown}' /dev/null", ("TERM", "dumb"), ("NO_COLOR", "1"));

        string[] lines = output.Replace("\r", "", StringComparison.Ordinal).TrimEnd('\n').Split('\n');
        lines.Should().Contain(line => line.Contains($"  {saga}  running ", StringComparison.Ordinal)).And.Contain(line => line.StartsWith("HOST ", StringComparison.Ordinal));
        lines.Where(line => line.Length > 80 && !line.StartsWith("  ", StringComparison.Ordinal)).Should().BeEmpty("only the facts about one saga are lines of their own length");
    }

    [Fact]
    public async Task A_file_that_others_write_to_as_well_keeps_what_they_wrote()
    {
        (_, string output, _) = await ShellAsync("f=$(mktemp); for i in 1 2; do echo \"run $i\"; $TOOL schema check; done > $f; cat $f; rm $f");

        output.Should().MatchRegex("^run 1\nschema .*\nrun 2\nschema .*\n$");
    }

    [Theory]
    [InlineData("")]
    [InlineData("--json")]
    public async Task Watching_ends_when_its_output_is_no_longer_read(string form)
    {
        (int exitCode, string output, string error) = await ShellAsync($"set -o pipefail; $TOOL watch --every 50ms --url {Sample.Url} {form} | head -n 1");

        (exitCode, error).Should().Be((0, ""));
        output.Should().NotBeEmpty();
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task Watching_continues_until_a_signal_and_ends_with_success(string signal)
    {
        await using var watch = new RunningProgram("SagaRecovery.Cli", ["watch", "--every", "50ms", "--url", Sample.Url]);
        await Eventually.HoldsAsync(
            () => watch.Output.Count(line => line.StartsWith("--- ", StringComparison.Ordinal)) >= 3, "it had read the status three times");

        await watch.SignalAsync(signal);

        (await watch.ExitCodeAsync()).Should().Be(0);
        watch.Errors.Should().BeEmpty();
    }

    [Fact]
    public async Task Watching_waits_for_a_service_that_goes_away()
    {
        await using ServiceProcess service = await ServiceProcess.StartAsync(Sample.Database, Guid.NewGuid());
        await using var watch = new RunningProgram("SagaRecovery.Cli", ["watch", "--every", "50ms", "--url", service.Http.BaseAddress!.ToString()]);
        await Eventually.HoldsAsync(() => watch.Output.Contains("task: \"saga_recovery\""), "it had read the status");

        await service.KillAsync();

        await Eventually.HoldsAsync(
            () => watch.Output.Any(line => line.StartsWith("!!! Cannot reach the service", StringComparison.Ordinal)), "it reported the outage");
        watch.HasExited.Should().BeFalse();
        await watch.SignalAsync("INT");
        (await watch.ExitCodeAsync()).Should().Be(0);
    }

    [Fact]
    public async Task The_script_for_bash_completes()
    {
        (_, string output, _) = await ShellAsync(
            """
            saga-recovery() { $TOOL "$@"; }
            source <($TOOL completion bash)
            COMP_LINE="saga-recovery sagas inj"; COMP_POINT=${#COMP_LINE}; COMP_WORDS=($COMP_LINE); COMP_CWORD=2
            _saga_recovery; echo "${COMPREPLY[@]}"
            """);

        output.Should().Be("inject-error\n");
    }

    private Task<(int ExitCode, string Out, string Error)> ShellAsync(string script, params IReadOnlyList<(string Name, string Value)> variables) =>
        ToolProcess.ShellAsync(script, [("SAGA_RECOVERY_CONNECTION", Sample.Database), .. variables]);
}
