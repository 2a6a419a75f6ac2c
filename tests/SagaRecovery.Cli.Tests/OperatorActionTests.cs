using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Tests;

[Collection(OnPostgres.Name)]
public sealed class OperatorActionTests(SampleFixture fixture) : IClassFixture<SampleFixture>
{
    private const string Action = "select actor || ': ' || reason from saga_recovery.saga_operator_action where action = @kind order by id desc limit 1";

    private SampleService Sample => fixture.Sample;

    [Theory]
    [InlineData(Way.Service, "ada")]
    [InlineData(Way.Database, ToolRun.OsUser)]
    public async Task A_held_saga_is_shown_as_held_until_it_is_released_and_the_actor_is_recorded(string way, string actor)
    {
        string saga = await Sample.StartDemoSagaAsync();

        (await Sample.RunAsync(way, "sagas", "hold", saga, "--comment", "looks like poison")).ShouldBeDone().Out.Should().StartWith($"hold: done, saga {saga}");
        (await Sample.RunAsync(way, "sagas", "list")).Out.Should().MatchRegex($"demo +{saga} +running +[^ ]+ +held ");
        (await Sample.RunAsync(way, "explain", saga)).Out.Should().Contain("held").And.Contain($"{actor}: looks like poison");
        (await Sample.RunAsync(way, "sagas", "release", saga, "--comment", "it is not", "--json")).ShouldBeDone()
            .Read(RecoveryReportJson.Default.OperatorActionResponse).Result.Should().Be(OperatorActionStatus.Done);

        (await Sample.RunAsync(way, "sagas", "list")).Out.Should().MatchRegex($"demo +{saga} +running +[^ ]+ +- ");
        (await Sample.QueryAsync<string>(Action, new { kind = "release" })).Should().Be($"{actor}: it is not");
        (await Sample.RunAsync(way, "sagas", "release", saga, "--comment", "again")).ShouldRefuse(ExitCode.Superseded, "it is not held");
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task Recovery_is_paused_and_resumed(string way)
    {
        string[] whose = way == Way.Database ? ["--coordinator", Sample.CoordinatorId.ToString()] : [];

        (await Sample.RunAsync(way, ["pause", "--comment", "INC-481", .. whose])).ShouldBeDone().Out.Should().StartWith("pause: done");
        (await Sample.RunAsync(way, "coordinators", "list")).Out.Should().Contain("INC-481");
        (await Sample.RunAsync(way, ["resume", "--comment", "over", .. whose, "--json"])).ShouldBeDone()
            .Read(RecoveryReportJson.Default.OperatorActionResponse).Result.Should().Be(OperatorActionStatus.Done);
        (await Sample.RunAsync(way, "coordinators", "list")).Out.Should().NotContain("INC-481");
    }

    [Fact]
    public async Task A_pause_through_the_database_requires_a_coordinator_and_one_through_the_process_refuses_it()
    {
        (await Sample.RunAsync(Way.Database, "pause", "--comment", "x")).ShouldRefuse(ExitCode.Usage, "--coordinator");
        (await Sample.RunAsync(Way.Database, "pause", "--comment", "x", "--coordinator", Guid.NewGuid().ToString())).ShouldRefuse(ExitCode.NotFound, "has ever joined");
        (await Sample.RunAsync(Way.Service, "pause", "--comment", "x", "--coordinator", Sample.CoordinatorId.ToString())).ShouldRefuse(ExitCode.Usage, "its own recovery");
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_cancelled_saga_unwinds_and_shows_who_cancelled_it(string way)
    {
        string saga = await Sample.StartDemoSagaAsync();

        (await Sample.RunAsync(way, "sagas", "cancel", saga, "--comment", "the customer has left")).ShouldRefuse(ExitCode.Usage, "--yes");
        (await Sample.RunAsync(way, "sagas", "cancel", saga, "--comment", "the customer has left", "--yes")).ShouldBeDone();

        await Eventually.HoldsAsync(
            async () => (await Sample.RunAsync(way, "sagas", "show", saga)).Out.Contains("unwound", StringComparison.Ordinal), "the saga was unwound");
        (await Sample.RunAsync(way, "sagas", "show", saga)).Out.Should().MatchRegex("cancelled: .* the customer has left");
        (await Sample.RunAsync(way, "sagas", "cancel", saga, "--comment", "again", "--yes")).ShouldRefuse(ExitCode.Superseded, "it has ended");
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_hold_that_stops_the_run_is_shown_as_such(string way)
    {
        string saga = await Sample.StartDemoSagaAsync();

        (await Sample.RunAsync(way, "sagas", "hold", saga, "--stop-run", "--comment", "wait")).ShouldBeDone();

        (await Sample.RunAsync(way, "sagas", "show", saga)).Out.Should().MatchRegex("held: .* wait, and its run stops");
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task An_injected_error_makes_a_saga_unwind(string way)
    {
        string saga = await Sample.StartDemoSagaAsync();

        ToolRun run = await Sample.RunAsync(way, "sagas", "inject-error", saga, "wait-for-release", "--comment", "hangs", "--yes", "--force");
        run.ShouldBeDone().Error.Should().Contain($"inject-error saga {saga}, node 'wait-for-release'");
        (await Sample.RunAsync(Way.Service, "activate", "--wait")).ShouldBeDone();

        await Sample.ReachesAsync(saga, "unwound");
        (await Sample.RunAsync(way, "sagas", "show", saga)).Out.Should().MatchRegex("o wait-for-release +failed\n").And.Contain("hangs");
    }

    [Theory]
    [InlineData(Way.Service, "retry-undo")]
    [InlineData(Way.Database, "retry-undo")]
    [InlineData(Way.Service, "skip-undo")]
    [InlineData(Way.Database, "skip-undo")]
    public async Task A_stuck_saga_is_unwound_once_a_person_agrees(string way, string kind)
    {
        string saga = await Sample.StartDemoSagaAsync();
        string[] command = kind == "skip-undo" ? ["sagas", kind, saga, "wait-for-release", "--comment", "by hand"] : ["sagas", kind, saga, "--comment", "by hand"];
        (await Sample.RunAsync(way, [.. command, "--yes"])).ShouldRefuse(
            ExitCode.Superseded, kind == "skip-undo" ? "it is running, neither unwinding nor stuck" : "it is running, not stuck");
        await Sample.ExecuteAsync(
            """
            update saga_recovery.saga set state = 'stuck', adopt_generation = 2 where id = @id;
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
            select @id, 0, e.type, e.data::json, s.creator from saga_recovery.saga s, (values
                ('succeeded', null), ('undo_started', null), ('undo_failed', '{"code":"closed","message":"its account is closed"}')) as e (type, data)
            where s.id = @id
            """,
            new { id = Guid.Parse(saga) });

        (await Sample.RunAsync(way, "explain", saga)).Out.Should().Contain($"sagas {string.Join(' ', command.Skip(1).TakeWhile(word => word != "--comment"))}");
        (await Sample.RunAsync(way, command)).ShouldRefuse(ExitCode.Usage, "--yes");
        ToolRun run = await Sample.RunAsync(ToolStage.SignedIn with { Answer = "y\n" }, way, command);
        run.ShouldBeDone().Error.Should().Contain($"{kind} saga {saga}").And.Contain("demo, stuck, generation 2").And.Contain("Proceed? [y/N]");

        await Sample.ReachesAsync(saga, "unwound");
        (await Sample.QueryAsync<string>(Action, new { kind })).Should().EndWith(": by hand (the undo of 'wait-for-release' had failed: closed: its account is closed)");
    }

    [Fact]
    public async Task An_error_cannot_be_injected_into_a_node_that_does_not_exist() =>
        (await Sample.RunAsync(Way.Service, "sagas", "inject-error", await Sample.StartDemoSagaAsync(), "wiat", "--comment", "x", "--yes"))
            .ShouldRefuse(ExitCode.Usage, "no node 'wiat'; its nodes are wait-for-release");

    [Fact]
    public async Task A_saga_is_abandoned_once_a_person_agrees_who_saw_its_name_state_and_owner()
    {
        string saga = await Sample.StartDemoSagaAsync();

        ToolRun no = await Sample.RunAsync(ToolStage.SignedIn with { Answer = "n\n" }, Way.Service, "sagas", "abandon", saga, "--comment", "INC-481");
        no.ShouldRefuse(ExitCode.Failed, "Nothing was done");
        no.Error.Should().Contain("demo, running, generation 1").And.Contain($"owner: {Sample.CoordinatorId} (").And.Contain("Proceed? [y/N]");
        (await Sample.StateOfAsync(saga)).Should().Be("running");

        (await Sample.RunAsync(ToolStage.SignedIn with { Answer = "" }, Way.Service, "sagas", "abandon", saga, "--comment", "x")).ShouldRefuse(ExitCode.Failed, "Nothing was done");
        (await Sample.RunAsync(ToolStage.SignedIn with { Answer = "y\n" }, Way.Service, "sagas", "abandon", saga, "--comment", "INC-481")).ShouldBeDone();
        (await Sample.StateOfAsync(saga)).Should().Be("abandoned");
        (await Sample.RunAsync(Way.Database, "explain", saga)).Out.Should().Contain($"saga {saga}: abandoned").And.Contain("ada: INC-481");
    }

    [Fact]
    public async Task What_cannot_be_taken_back_is_refused_without_a_terminal_unless_it_was_agreed_to()
    {
        string saga = await Sample.StartDemoSagaAsync();

        (await Sample.RunAsync(Way.Service, "sagas", "abandon", saga, "--comment", "x")).ShouldRefuse(ExitCode.Usage, "--yes");
        (await Sample.RunAsync(Way.Database, "sagas", "inject-error", saga, "wait-for-release", "--comment", "x", "--force")).ShouldRefuse(ExitCode.Usage, "--yes");

        (await Sample.StateOfAsync(saga)).Should().Be("running");
    }

    [Fact]
    public async Task A_saga_whose_owner_answers_is_only_abandoned_by_force()
    {
        string saga = await Sample.StartDemoSagaAsync();

        ToolRun refused = await Sample.RunAsync(Way.Database, "sagas", "abandon", saga, "--comment", "x", "--yes");
        refused.ShouldRefuse(ExitCode.Refused, "answers");
        (await Sample.StateOfAsync(saga)).Should().Be("running");

        (await Sample.RunAsync(Way.Database, "sagas", "abandon", saga, "--comment", "x", "--yes", "--force")).ShouldBeDone();
        (await Sample.StateOfAsync(saga)).Should().Be("abandoned");
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_saga_that_has_ended_is_exit_code_4_with_its_present_state(string way)
    {
        string saga = await Sample.StartDemoSagaAsync();
        using HttpResponseMessage released = await Sample.Process.ReleaseDemoSagaAsync(Guid.Parse(saga));
        await Sample.ReachesAsync(saga, "succeeded");

        ToolRun run = await Sample.RunAsync(way, "sagas", "abandon", saga, "--comment", "x", "--yes", "--json");

        run.ShouldRefuse(ExitCode.Superseded, "it has ended").Read(RecoveryReportJson.Default.OperatorActionResponse).Present!.State.Should().Be(SagaState.Succeeded);
        (await Sample.RunAsync(way, "sagas", "hold", saga, "--comment", "x")).ShouldRefuse(ExitCode.Superseded, "is succeeded at generation 1");
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_saga_that_is_superseded_between_the_question_and_the_answer_is_left_alone(string way)
    {
        string saga = await Sample.StartDemoSagaAsync();
        using var asked = new AnswerAfter(() => Sample.ExecuteAsync("update saga_recovery.saga set adopt_generation = 2 where id = @id", new { id = Guid.Parse(saga) }));

        ToolRun run = await asked.RunAsync(Sample, way, "sagas", "abandon", saga, "--comment", "x", "--force");

        run.ShouldRefuse(ExitCode.Superseded, "it was at generation 1 when you saw it; ").Error.Should().Contain("is running at generation 2");
        (await Sample.StateOfAsync(saga)).Should().Be("running");
    }

    [Theory]
    [InlineData("pause", "--comment", "x")]
    [InlineData("activate")]
    [InlineData("activate", "--wait")]
    public async Task An_operator_action_without_rights_changes_nothing(params string[] args)
    {
        long before = await Sample.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action");
        var wrong = new ToolStage { Variables = new() { ["SAGA_RECOVERY_USER"] = "eve", ["SAGA_RECOVERY_TOKEN"] = "guessed" } };

        (await Sample.RunAsync(new ToolStage(), Way.Service, args)).ShouldRefuse(ExitCode.Refused, "pass your token");
        (await Sample.RunAsync(wrong, Way.Service, args)).ShouldRefuse(ExitCode.Refused, "does not accept your credentials").Error.Should().NotContain("guessed");

        (await Sample.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action")).Should().Be(before);
    }

    [Fact]
    public async Task A_token_may_come_from_a_file()
    {
        string file = Path.GetTempFileName();
        try
        {
            string saga = await Sample.StartDemoSagaAsync();
            await File.WriteAllTextAsync(file, ServiceProcess.OperatorToken + "\n");
            (await Sample.RunAsync(new ToolStage(), Way.Service, "sagas", "hold", saga, "--comment", "by file", "--user", "grace", "--token-file", file)).ShouldBeDone();
            (await Sample.QueryAsync<string>(Action, new { kind = "hold" })).Should().Be("grace: by file");
        }
        finally
        {
            File.Delete(file);
        }
    }
}
