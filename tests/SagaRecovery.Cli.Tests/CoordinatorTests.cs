using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Tests;

/// <summary>The coordinators of a database, and the operator actions that reassign their sagas.</summary>
[Collection(OnPostgres.Name)]
public sealed class CoordinatorTests(SampleFixture fixture, PostgresCluster postgres) : IClassFixture<SampleFixture>
{
    private SampleService Sample => fixture.Sample;

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task Coordinators_are_listed_with_their_state_and_definitions(string way)
    {
        Guid dead = await Sample.DeadAsync();

        string list = (await Sample.RunAsync(way, "coordinators", "list")).ShouldBeDone().Out;

        list.Should().MatchRegex("^HOST +COORDINATOR +STATE +PROCESS +LAST SEEN +IN PROGRESS +PAUSED +VERSION +JOINED +INCARNATION +PID +DEFINITIONS\n")
            .And.MatchRegex($"(?m)^\\S+ +{Sample.CoordinatorId}  active +answers .* demo v1, demo-slow v1, project-create v1, project-delete v1$")
            .And.MatchRegex($"(?m)^burnt +{dead}  active +silent .* 7 +any$");
    }

    [Theory]
    [InlineData(Way.Service, "ada")]
    [InlineData(Way.Database, ToolRun.OsUser)]
    public async Task Orphans_and_sagas_of_down_owners_are_shown_by_owner_and_get_a_new_one(string way, string actor)
    {
        (Guid dead, Guid stranger) = (await Sample.DeadAsync(), Guid.NewGuid());
        string[] sagas = [await Sample.StartDemoSagaAsync(), await Sample.StartDemoSagaAsync(), await Sample.StartDemoSagaAsync()];
        Guid?[] owners = [dead, stranger, null];
        foreach ((string saga, Guid? owner) in sagas.Zip(owners))
        {
            await Sample.SetOwnerAsync(saga, owner);
        }

        (await Sample.RunAsync(way, "coordinators", "orphans")).ShouldBeDone().Out.Should()
            .MatchRegex($"(?m)^{dead}  does not answer +1 +\\d+m?s ago$").And.MatchRegex($"(?m)^{stranger}  never joined +1 ").And.MatchRegex("(?m)^unowned +has no owner +1 ")
            .And.EndWith("2 orphaned, 1 with the owner down: run 'coordinators reassign OWNER' to reassign them\n");
        (await Sample.RunAsync(way, "coordinators", "orphans", "--json")).ShouldBeDone().Read(RecoveryReportJson.Default.ClusterDetails)
            .Should().Match<ClusterDetails>(cluster => cluster.Orphans.Count == 2 && cluster.OwnerDown.Count == 1);
        (await Sample.RunAsync(way, "explain", sagas[0])).Out.Should().Contain($"coordinators reassign {dead}.");
        foreach ((string saga, Guid? owner) in sagas.Zip(owners))
        {
            string from = owner?.ToString() ?? "unowned";
            (await Sample.RunAsync(way, "coordinators", "reassign", from, "--wait", "--comment", "INC-7")).ShouldBeDone().Out.Should()
                .MatchRegex("^reassign: done, 1 (unowned )?saga ").And.EndWith($"1 to {Sample.CoordinatorId}. They have been recovered.\n");
            (await Sample.OwnerOfAsync(saga)).Should().Be(Sample.CoordinatorId);
        }

        (await Sample.RunAsync(way, "coordinators", "orphans")).ShouldBeDone().Out.Should().Be("Every unfinished saga has an owner that answers.\n");
        (await Sample.QueryAsync<string>("select actor || ': ' || reason from saga_recovery.saga_operator_action where action = 'reassign' order by id desc limit 1"))
            .Should().Be($"{actor}: INC-7 (to {Sample.CoordinatorId})");
        (await Sample.RunAsync(Way.Service, "activate", "--wait")).ShouldBeDone();
        (await Sample.RunAsync(Way.Service, "status")).ShouldBeDone().Out.Should().MatchRegex($"  reassign +coordinator {dead}  {actor}: INC-7 ")
            .And.MatchRegex($"  reassign +unowned sagas +{actor}: INC-7 ");
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task An_owner_that_answers_keeps_its_sagas_until_a_person_agrees(string way)
    {
        await using SampleService other = await SampleService.StartAsync(Sample.Database);
        string saga = await other.StartDemoSagaAsync();
        string[] reassign = ["coordinators", "reassign", other.CoordinatorId.ToString(), "--to", Sample.CoordinatorId.ToString(), "--comment", "x"];

        (await Sample.RunAsync(way, reassign)).ShouldRefuse(ExitCode.Refused, "answers");
        (await Sample.RunAsync(way, [.. reassign, "--even-if-owner-answers"])).ShouldRefuse(ExitCode.Usage, "pass --yes");
        ToolRun no = await Sample.RunAsync(ToolStage.SignedIn with { Answer = "n\n" }, way, [.. reassign, "--even-if-owner-answers"]);
        no.ShouldRefuse(ExitCode.Failed, "Nothing was done");
        no.Error.Should().Contain($"reassign the sagas of coordinator {other.CoordinatorId} (").And.Contain("has 1 saga in progress");
        (await Sample.OwnerOfAsync(saga)).Should().Be(other.CoordinatorId);
        ReassignResponse done = (await Sample.RunAsync(way, [.. reassign, "--even-if-owner-answers", "--yes", "--json", "--wait"])).ShouldBeDone()
            .Read(RecoveryReportJson.Default.ReassignResponse);

        done.Receipts.Should().ContainSingle().Which.Count.Should().Be(1);
        done.CaughtUp.Should().ContainSingle().Which.NotRunning.Should().Be(0);
        (await Sample.OwnerOfAsync(saga)).Should().Be(Sample.CoordinatorId);
        (await other.Process.TerminateAsync()).Should().Be(0, "killed, it would count as answering for 15 seconds, and another test would get it as a taker");
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task What_cannot_be_reassigned_has_its_exit_code(string way)
    {
        (Guid dead, string stranger) = (await Sample.DeadAsync(), Guid.NewGuid().ToString());
        string saga = await Sample.StartDemoSagaAsync();
        await Sample.SetOwnerAsync(saga, dead);
        Task<ToolRun> ReassignAsync(params string[] args) => Sample.RunAsync(way, ["coordinators", "reassign", .. args, "--comment", "x"]);

        (await ReassignAsync(stranger)).ShouldRefuse(ExitCode.NotFound, $"No coordinator {stranger} has ever joined");
        (await ReassignAsync($"{dead}", "--to", stranger)).ShouldRefuse(ExitCode.NotFound, $"There is no coordinator {stranger}");
        (await ReassignAsync($"{dead}", "--to", $"{await Sample.DeadAsync()}")).ShouldRefuse(ExitCode.Refused, "no recipient is active, answers and is not paused");
        (await ReassignAsync($"{dead}", "--to", $"{dead}")).ShouldRefuse(ExitCode.Usage, "--to names the coordinator");
        (await ReassignAsync("dead")).ShouldRefuse(ExitCode.Usage, "or 'unowned'");
        (await ReassignAsync($"{dead}", "--to", "me")).ShouldRefuse(ExitCode.Usage, "'me' is not a coordinator id");
        (await Sample.OwnerOfAsync(saga)).Should().Be(dead);

        await Sample.ExecuteAsync("update saga_recovery.saga_coordinator set profile_incarnation = incarnation, time_seen = now() + interval '1 h' where id = @taker", new { taker = await FrozenAsync() });
        ToolRun late = await ReassignAsync($"{dead}", "--to", $"{await FrozenAsync()}", "--wait", "--timeout", "2s");
        late.ShouldRefuse(ExitCode.Failed, "have not been recovered within 2s");
        await Sample.ExecuteAsync("update saga_recovery.saga_coordinator set time_seen = now() - interval '1 h' where host = 'burnt'");
        await Sample.SetOwnerAsync(saga, Sample.CoordinatorId); // the other tests of the class find no taker but the sample, and no saga left

        Task<Guid> FrozenAsync() => Sample.QueryAsync<Guid>("select id from saga_recovery.saga_coordinator where host = 'burnt' and id <> @dead order by id limit 1", new { dead });
    }

    [Fact]
    public async Task A_drain_reassigns_unfinished_sagas_and_reports_what_is_left()
    {
        await using SampleService old = await SampleService.StartAsync(postgres);
        await using SampleService next = await SampleService.StartAsync(old.Database);
        string saga = await old.StartDemoSagaAsync();

        (await old.RunAsync(Way.Database, "drain", "--comment", "x", "--yes")).ShouldRefuse(ExitCode.Usage, "--url");
        (await old.RunAsync(Way.Service, "drain", "--comment", "x")).ShouldRefuse(ExitCode.Usage, "pass --yes");
        (await old.RunAsync(Way.Service, "status")).Out.Should().NotContain("DRAINING");
        (await old.RunAsync(Way.Service, "drain", "--comment", "version 2", "--grace-period", "100ms", "--wait", "--yes")).ShouldBeDone().Out.Should()
            .MatchRegex("^drain: requested by ada at .*; done, 1 saga reassigned, none left\n$");
        (await next.RunAsync(Way.Service, "drain", "--comment", "version 2", "--grace-period", "100ms", "--wait", "--yes", "--json")).Should(ExitCode.Failed)
            .Read(RecoveryReportJson.Default.DrainReport).Should().Match<DrainReport>(drain => drain.Phase == DrainPhase.Incomplete && drain.Left == 1);

        (await old.OwnerOfAsync(saga)).Should().Be(next.CoordinatorId);
        (await next.RunAsync(Way.Database, "coordinators", "list")).Out.Should().MatchRegex($"(?m)^\\S+ +{old.CoordinatorId}  draining  answers ");
        (await old.RunAsync(Way.Service, "drain", "--comment", "again", "--wait", "--yes")).ShouldBeDone().Out.Should().Contain("requested by ada").And.Contain("none left");
    }
}
