using System.CommandLine;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Commands;
using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Postgres;

namespace SagaRecovery.Cli.Tests;

public sealed class UsageTests
{
    private const string Id = "0199c1d2-5a3b-7c4d-8e5f-60718293a4b5";
    private static readonly string[] s_nowhere = ["--url", "http://127.0.0.1:1"];

    [Theory]
    [InlineData("Required command was not provided.")]
    [InlineData("'nonsense'", "nonsense")]
    [InlineData("'nonsense' is not a saga id", "explain", "nonsense")]
    [InlineData("running, unwinding, succeeded, unwound, stuck, abandoned", "sagas", "list", "--state", "done")]
    [InlineData("--limit must be 1 to 1000", "sagas", "list", "--limit", "0")]
    [InlineData("--limit must be 1 to 1000", "sagas", "list", "--limit", "1001")]
    [InlineData("is not a coordinator id", "sagas", "list", "--owner", "me")]
    [InlineData("id", "coordinators", "forget", "--comment", "x", "--yes")]
    [InlineData("--comment", "sagas", "hold", Id)]
    [InlineData("--comment must not be empty", "sagas", "hold", Id, "--comment", " ")]
    [InlineData("--actor must not be empty", "sagas", "hold", Id, "--comment", "x", "--actor", "")]
    [InlineData("is not an http or https address", "status", "--url", "ftp://x")]
    [InlineData("must not contain credentials", "status", "--url", "http://ada:sesame@x")]
    [InlineData("--schema must be", "schema", "script", "--schema", "x; drop table y")]
    [InlineData("'soon' is not a duration from 1ms to 1d: write a number and a unit, or hours, minutes and seconds, such as 25s, 10m, 2h, 1d or 00:10:00", "status", "--timeout", "soon")]
    [InlineData("is not a duration from 1ms to 1d", "status", "--timeout", "25")]
    [InlineData("is not a duration from 1ms to 1d", "status", "--timeout", "2d")]
    [InlineData("is not a duration from 1ms to 1d", "status", "--timeout", "12:30:00:00")]
    [InlineData("'7' is not an age from 1s to 36500d: write a number and a unit", "sagas", "purge", "--older-than", "7", "--comment", "x")]
    [InlineData("pass only one of them", "status", "--url", "http://x", "--connection", "Host=x")]
    [InlineData("No service or database is given", "status")]
    [InlineData("No service or database is given", "plan")]
    [InlineData("connection string is not valid", "status", "--connection", "nonsense")]
    [InlineData("cannot be combined", "status", "--url", "http://x", "--token-file", "x", "--token-command", "echo sesame")]
    [InlineData("printed no token: it ended with exit code 3", "status", "--url", "http://x", "--token-command", "exit 3")]
    [InlineData("characters that no token has", "status", "--url", "http://x", "--token-command", "echo 'open sesame'")]
    [InlineData("without a token", "status", "--url", "http://x", "--user", "ada")]
    [InlineData("token file cannot be read", "status", "--url", "http://x", "--user", "ada", "--token-file", "/nowhere/token")]
    public async Task Invalid_usage_is_exit_code_2_and_one_line(string because, params string[] args)
    {
        ToolRun run = await ToolRun.OfAsync(args);

        run.ShouldRefuse(ExitCode.Usage, because);
        run.Error.Count(letter => letter == '\n').Should().Be(1);
        run.Error.Should().NotContain("sesame");
        run.Out.Should().BeEmpty();
    }

    [Theory]
    [InlineData("25s")]
    [InlineData("1500ms")]
    [InlineData("1.5m")]
    [InlineData("2h")]
    [InlineData("1d")]
    [InlineData("00:10:00")]
    public async Task Every_usual_form_of_a_duration_is_accepted(string duration)
    {
        (await ToolRun.OfAsync(["status", "--timeout", duration, .. s_nowhere])).ShouldRefuse(ExitCode.Unreachable, "the service");
        (await ToolRun.OfAsync(["sagas", "purge", "--older-than", duration, "--comment", "x", "--yes", .. s_nowhere])).ShouldRefuse(ExitCode.Unreachable, "the service");
    }

    [Fact]
    public async Task A_comment_is_bounded()
    {
        (await ToolRun.OfAsync(["sagas", "hold", Id, "--comment", new string('x', 1_001), .. s_nowhere])).ShouldRefuse(ExitCode.Usage, "the limit is 1000");
        (await ToolRun.OfAsync(["sagas", "hold", Id, "--comment", new string('x', 1_000), .. s_nowhere])).ShouldRefuse(ExitCode.Unreachable, "the service");
    }

    [Fact]
    public async Task A_comment_may_begin_like_a_mention() =>
        (await ToolRun.OfAsync(["sagas", "hold", Id, "--comment", "@ann asked for it", .. s_nowhere])).ShouldRefuse(ExitCode.Unreachable, "the service");

    [Fact]
    public async Task A_user_name_from_a_variable_does_not_prevent_reading() => (await ToolRun.OfAsync(
        new ToolStage { Variables = new() { ["SAGA_RECOVERY_USER"] = "ada" } }, ["status", .. s_nowhere])).ShouldRefuse(ExitCode.Unreachable, "the service");

    [Fact]
    public async Task Variables_name_the_service_or_database_and_the_command_line_overrides_them()
    {
        var service = new ToolStage { Variables = new() { ["SAGA_RECOVERY_URL"] = "http://127.0.0.1:1" } };
        var both = new ToolStage { Variables = new(service.Variables) { ["SAGA_RECOVERY_CONNECTION"] = "Host=127.0.0.1;Port=1;Username=u" } };
        var wrong = new ToolStage { Variables = new() { ["SAGA_RECOVERY_URL"] = "nonsense" } };

        (await ToolRun.OfAsync(service, "status")).ShouldRefuse(ExitCode.Unreachable, "the service");
        (await ToolRun.OfAsync(both, "status")).ShouldRefuse(ExitCode.Unreachable, "the service");
        (await ToolRun.OfAsync(both, "schema", "check")).ShouldRefuse(ExitCode.Unreachable, "the database");
        (await ToolRun.OfAsync(both, "plan")).ShouldRefuse(ExitCode.Unreachable, "the service");
        (await ToolRun.OfAsync(service, "status", "--connection", "Host=127.0.0.1;Port=1;Username=u")).ShouldRefuse(ExitCode.Unreachable, "the database");
        (await ToolRun.OfAsync(wrong, "status")).ShouldRefuse(ExitCode.Usage, "SAGA_RECOVERY_URL is not an http or https address");
    }

    [Fact]
    public async Task Every_command_has_help_with_examples_that_parse_and_the_exit_codes()
    {
        var environment = new ToolEnvironment { Out = TextWriter.Null, Error = TextWriter.Null, In = TextReader.Null, GetVariable = _ => null, User = "", Time = TimeProvider.System };
        RootCommand root = ToolCommands.Create(environment);
        List<ToolCommand> commands = [.. Descendants(root).OfType<ToolCommand>()];
        commands.Should().HaveCount(38);
        foreach (ToolCommand command in commands)
        {
            string[] path = [.. command.Parents.OfType<Command>().Where(parent => parent is not RootCommand).Select(parent => parent.Name), command.Name];

            ToolRun help = (await ToolRun.OfAsync([.. path, "--help"])).ShouldBeDone();

            help.Out.Should().Contain("Examples:\n  saga-recovery " + string.Join(' ', path)).And.Contain("Exit codes:").And.Contain("130  Ctrl-C");
            help.Out.Split("Exit codes:")[^1].Split('\n').Should().OnlyContain(line => line.Length <= 80);
            if (command.Options.Any(option => option.Name == "--state"))
            {
                help.Out.Should().ContainAll("succeeded", "unwound", "stuck", "abandoned");
            }

            foreach (string example in command.Examples)
            {
                ParseResult parsed = root.Parse(example.Split(" | ")[0].Split(" > ")[0].Split(" >> ")[0]
                    .Replace('\'', '"')); // the parser's quotes
                parsed.Errors.Should().BeEmpty(example);
                parsed.CommandResult.Command.Should().BeSameAs(command, example);
            }
        }
    }

    [Theory]
    [InlineData("saga-recovery sa", "sagas")]
    [InlineData("saga-recovery sagas li", "list")]
    [InlineData("saga-recovery sagas list --state st", "stuck")]
    [InlineData("saga-recovery sagas abandon --fo", "--force")]
    [InlineData("saga-recovery coordinators re", "reassign")]
    [InlineData("saga-recovery coordinators reassign un", "unowned")]
    [InlineData("saga-recovery coordinators reassign unowned --ev", "--even-if-owner-answers")]
    [InlineData("saga-recovery drain --gr", "--grace-period")]
    public async Task A_shell_completes_a_word(string line, string expected) =>
        (await ToolRun.OfAsync($"[suggest:{line.Length}]", line)).ShouldBeDone().Lines.Should().Contain(expected).And.NotContain("Stuck");

    [Fact]
    public async Task The_script_of_the_tables_needs_no_connection()
    {
        (await ToolRun.OfAsync("schema", "script")).ShouldBeDone().Out.Should().Be(PostgresSchema.Script().TrimEnd() + "\n");
        (await ToolRun.OfAsync("schema", "script", "--schema", "other", "--json")).ShouldBeDone().Out.Should().Contain("other.saga_node_event").And.StartWith("{");
    }

    [Theory]
    [InlineData("bash", "complete -o default -F _saga_recovery saga-recovery")]
    [InlineData("zsh", "compdef _saga_recovery saga-recovery")]
    public async Task Each_shell_has_a_completion_script(string shell, string line) =>
        (await ToolRun.OfAsync("completion", shell)).ShouldBeDone().Lines.Should().Contain(line);

    private static IEnumerable<Command> Descendants(Command command) => command.Subcommands.SelectMany(child => Descendants(child).Prepend(child));
}
