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

        (_, string output, _) = await ShellAsync("$TOOL sagas list | awk '{ print $1, $2 }'", ("TERM", "xterm-256color"));

        output.Should().StartWith("ID STATE\n").And.Contain($"{saga} running\n").And.NotContain("\u001b");
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
