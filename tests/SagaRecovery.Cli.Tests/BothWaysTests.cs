using System.Text.Json;
using System.Text.RegularExpressions;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Tests;

[Collection(OnPostgres.Name)]
public sealed partial class BothWaysTests(TwoSagasFixture two) : IClassFixture<TwoSagasFixture>
{
    private readonly string _demo = two.Demo;

    private SampleService Sample => two.Sample;

    [Fact]
    public async Task The_service_and_its_database_agree_on_every_saga()
    {
        foreach (string[] args in new string[][]
        {
            ["sagas", "list", "--json"],
            ["sagas", "list"],
            ["sagas", "list", "--state", "running"],
            ["sagas", "list", "--name", "project-create", "--limit", "1"],
            ["sagas", "list", "--owner", Sample.CoordinatorId.ToString()],
            ["sagas", "list", "--since", "2h", "--definition", "demo@1"],
            ["whatis", _demo],
        })
        {
            ToolRun service = (await Sample.RunAsync(Way.Service, args)).ShouldBeDone();
            ToolRun database = (await Sample.RunAsync(Way.Database, args)).ShouldBeDone();
            database.Should().Be(service with { Out = Phase().Replace(service.Out, "\"phase\": null") }); // only the process knows it
        }

        IReadOnlyList<SagaSummary> sagas = (await Sample.RunAsync(Way.Database, "sagas", "list", "--json")).Read(RecoveryReportJson.Default.IReadOnlyListSagaSummary);
        sagas.Select(saga => saga.Name).Should().BeEquivalentTo("demo", "project-create");
        foreach (SagaSummary saga in sagas)
        {
            (await PrintAsync(Way.Database, saga.Id)).Should().Be(await PrintAsync(Way.Service, saga.Id));
        }
    }

    [Fact]
    public async Task The_service_and_its_database_agree_on_coordinators()
    {
        ToolRun service = (await Sample.RunAsync(Way.Service, "coordinators", "list", "--json")).ShouldBeDone();
        ToolRun database = (await Sample.RunAsync(Way.Database, "coordinators", "list", "--json")).ShouldBeDone();

        CoordinatorDetails ofService = service.Read(RecoveryReportJson.Default.IReadOnlyListCoordinatorDetails).Single();
        CoordinatorDetails ofDatabase = database.Read(RecoveryReportJson.Default.IReadOnlyListCoordinatorDetails).Single();
        ofDatabase.Should().BeEquivalentTo(ofService with { Silence = ofDatabase.Silence });
        ofDatabase.State.Should().Be(CoordinatorState.Active);
        ofDatabase.Definitions.Should().Equal("demo v1", "demo-slow v1", "project-create v1", "project-delete v1");
        ofDatabase.InProgress.Should().Be(1);
        ofDatabase.Answers.Should().BeTrue();
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_saga_is_shown_with_its_row_graph_and_events(string way)
    {
        ToolRun run = (await Sample.RunAsync(way, "sagas", "show", _demo)).ShouldBeDone();

        run.Lines[0].Should().Be($"saga {_demo}");
        run.Out.Should().Contain("  state:      running").And.Contain($"owner:      {Sample.CoordinatorId} (").And.Contain(", answers, last seen ")
            .And.MatchRegex("o wait-for-release +started\n").And.MatchRegex("Z +wait-for-release +started\n");
    }

    [Theory]
    [InlineData(Way.Service, "running here", "This process started it and runs it.")]
    [InlineData(Way.Database, "in progress (from its row alone)", "which answers.")]
    public async Task A_saga_is_explained(string way, string verdict, string why)
    {
        ToolRun text = (await Sample.RunAsync(way, "explain", _demo)).ShouldBeDone();
        ToolRun json = (await Sample.RunAsync(way, "explain", _demo, "--json")).ShouldBeDone();

        text.Lines[0].Should().Be($"saga {_demo}: {verdict}");
        text.Lines[1].Should().StartWith("  why:").And.EndWith(why);
        json.Read(RecoveryReportJson.Default.SagaExplanation).Reason.Should().EndWith(why);
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_saga_that_does_not_exist_is_exit_code_3_and_one_line(string way)
    {
        string missing = Guid.NewGuid().ToString();
        foreach (string[] args in new string[][] { ["explain", missing], ["sagas", "show", missing], ["sagas", "hold", missing, "--comment", "x"], ["sagas", "release", missing, "--comment", "x"], ["sagas", "abandon", missing, "--comment", "x", "--yes"] })
        {
            ToolRun run = await Sample.RunAsync(way, args);

            run.ShouldRefuse(ExitCode.NotFound, $"There is no saga {missing}");
            run.Out.Should().BeEmpty();
            run.Error.Should().EndWith("\n").And.Subject.Count(letter => letter == '\n').Should().Be(1);
        }

        ToolRun json = (await Sample.RunAsync(way, "explain", missing, "--json")).Should(ExitCode.NotFound);
        json.Read(RecoveryReportJson.Default.SagaExplanation).Verdict.Should().Be(SagaVerdict.Unknown);
    }

    [Fact]
    public async Task The_status_of_the_service_is_its_report_as_text_and_as_json()
    {
        ToolRun text = (await Sample.RunAsync(Way.Service, "status")).ShouldBeDone();
        ToolRun json = (await Sample.RunAsync(Way.Service, "status", "--json")).ShouldBeDone();

        text.Out.Should().Contain("task: \"saga_recovery\"").And.Contain($"coordinator: {Sample.CoordinatorId}, incarnation 1");
        json.Read(RecoveryReportJson.Default.RecoveryReport).Coordinator.Id.Value.Should().Be(Sample.CoordinatorId);
    }

    [Fact]
    public async Task The_status_of_the_database_is_its_coordinators_and_counts()
    {
        ToolRun text = (await Sample.RunAsync(Way.Database, "status")).ShouldBeDone();
        ToolRun json = (await Sample.RunAsync(Way.Database, "status", "--json")).ShouldBeDone();

        text.Out.Should().MatchRegex($"{Sample.CoordinatorId} +active +answers").And.MatchRegex($"demo +running +1 +{Sample.CoordinatorId}\n")
            .And.MatchRegex("About [0-9]+ sagas? ended\\.\n");
        JsonElement status = JsonDocument.Parse(json.Out).RootElement;
        status.GetProperty("counts").GetProperty("unfinished").EnumerateArray().Sum(count => count.GetProperty("count").GetInt64()).Should().Be(1);
        status.GetProperty("coordinators").EnumerateArray().Single().GetProperty("id").GetGuid().Should().Be(Sample.CoordinatorId);
    }

    [Fact]
    public async Task The_status_of_the_database_has_crash_loops_and_the_number_of_problems()
    {
        Guid dead = await Sample.DeadAsync();
        await Sample.ExecuteAsync(
            "insert into saga_recovery.saga_crash_loop values (@dead, 1, 4, 3, null, 0, interval '2 s', now() - interval '1 h')", new { dead });

        ToolRun text = (await Sample.RunAsync(Way.Database, "status")).ShouldBeDone();
        ToolRun json = (await Sample.RunAsync(Way.Database, "status", "--json")).ShouldBeDone();
        await Sample.ExecuteAsync("delete from saga_recovery.saga_coordinator where id = @dead", new { dead });

        text.Out.Should().EndWith(
            "1 problem (1 crash-loop): run 'problems' for the reasons\n"
            + $"CRASH LOOP: coordinator {dead} on burnt: Its last 4 processes ended without a shutdown or were replaced while they ran, the latest within 2s of its join.\n");
        JsonDocument.Parse(json.Out).RootElement.GetProperty("problems").GetProperty("problems").EnumerateArray().Single().GetProperty("id").GetString()
            .Should().Be($"crash-loop:{dead}");
        (await Sample.RunAsync(Way.Database, "status")).ShouldBeDone().Out.Should().EndWith("No problems are known in the database.\n");
    }

    [Theory]
    [InlineData("plan")]
    [InlineData("activate")]
    [InlineData("watch")]
    [InlineData("sagas", "retry", "0199c1d2-5a3b-7c4d-8e5f-60718293a4b5", "--comment", "x")]
    public async Task A_command_that_only_the_process_can_do_names_the_option_that_it_needs(params string[] args) =>
        (await Sample.RunAsync(Way.Database, args)).ShouldRefuse(ExitCode.Usage, "--url http");

    [Theory]
    [InlineData("check")]
    [InlineData("apply")]
    public async Task A_command_on_the_tables_names_the_option_that_it_needs(string command) =>
        (await Sample.RunAsync(Way.Service, "schema", command)).ShouldRefuse(ExitCode.Usage, "--connection");

    [Fact]
    public async Task A_path_without_recovery_is_not_taken_for_a_saga_that_does_not_exist()
    {
        foreach (string[] args in new string[][] { ["sagas", "show", _demo], ["explain", _demo], ["status"], ["sagas", "hold", _demo, "--comment", "x"] })
        {
            ToolRun run = await ToolRun.OfAsync(ToolStage.SignedIn, [.. args, "--url", Sample.Url + "elsewhere"]);
            run.ShouldRefuse(ExitCode.Unreachable, "No saga recovery endpoints are mapped at");
        }
    }

    /// <summary>As JSON.</summary>
    private async Task<string> PrintAsync(string way, SagaId id)
    {
        SagaDetails details = (await Sample.RunAsync(way, "sagas", "show", id.ToString(), "--json")).ShouldBeDone().Read(RecoveryReportJson.Default.SagaDetails);
        details.Owner.Should().NotBeNull();
        SagaDetails stalled = details with { Owner = details.Owner! with { Silence = TimeSpan.Zero } }; // the only thing that time alone changes
        return JsonSerializer.Serialize(stalled, RecoveryReportJson.Default.SagaDetails);
    }

    [GeneratedRegex("\"phase\": \"\\w+\"", RegexOptions.None, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex Phase();
}
