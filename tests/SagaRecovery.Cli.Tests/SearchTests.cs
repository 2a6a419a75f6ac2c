using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Tests;

/// <summary>Finding sagas, and what an id is.</summary>
[Collection(OnPostgres.Name)]
public sealed class SearchTests(TwoSagasFixture two) : IClassFixture<TwoSagasFixture>
{
    private SampleService Sample => two.Sample;

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task Sagas_are_found_by_each_condition(string way)
    {
        await Sample.ExecuteAsync(
            "insert into saga_recovery.saga_tag (saga_id, name, value) values (@id, 'vpc', '17'), (@id, 'region', 'eu = west') on conflict do nothing",
            new { id = Guid.Parse(two.Demo) });
        foreach (string[] filter in new string[][]
        {
            ["--tag", "vpc=17"], ["--tag", "vpc=17", "--tag", "region=eu = west"], ["--state", "unfinished"], ["--definition", "demo"],
            ["--definition", "demo@1"], ["--since", "1h", "--name", "demo"], ["--until", "2999-01-01T00:00Z", "--name", "demo"],
        })
        {
            ToolRun run = (await Sample.RunAsync(way, ["sagas", "list", "--json", .. filter])).ShouldBeDone();
            run.Read(RecoveryReportJson.Default.IReadOnlyListSagaSummary).Select(saga => saga.Id.ToString()).Should().Equal([two.Demo], string.Join(' ', filter));
        }

        foreach (string[] filter in new string[][]
        {
            ["--tag", "vpc=18"], ["--tag", "vpc=17", "--name", "project-create"], ["--definition", "demo@2"], ["--since", "2999-01-01T00:00Z"], ["--until", "1h"],
            ["--failed-node", "charge"], ["--error-code", "declined"], ["--held"],
        })
        {
            (await Sample.RunAsync(way, ["sagas", "list", .. filter])).ShouldBeDone().Error.Should().Contain("No sagas match.", string.Join(' ', filter));
        }

        (await Sample.RunAsync(way, "sagas", "show", two.Demo)).Out.Should().MatchRegex("tags: +region=eu = west, vpc=17\n");
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task The_next_page_follows_the_place_that_the_previous_one_prints(string way)
    {
        ToolRun first = (await Sample.RunAsync(way, "sagas", "list", "--limit", "1")).ShouldBeDone();
        string place = first.Error.Trim().Split(' ')[^1];
        first.Error.Should().Be($"saga-recovery: There may be more sagas: pass --before {place}\n");

        ToolRun second = (await Sample.RunAsync(way, "sagas", "list", "--limit", "1", "--before", place)).ShouldBeDone();

        first.Out.Should().Contain("\nproject-create ");
        second.Out.Should().Contain(two.Demo);
    }

    [Theory]
    [InlineData("--tag", "vpc", "'vpc' is not a tag: write name=value")]
    [InlineData("--since", "yesterday", "'yesterday' is not a duration before now such as 90m, 2h or 7d, or a time such as 2026-11-22T18:30Z")]
    [InlineData("--state", "asleep", "and unfinished for running and unwinding")]
    [InlineData("--before", "x", "'x' is not a place in the list")]
    public async Task A_condition_that_cannot_be_read_is_refused_with_its_form(string option, string value, string because) =>
        (await Sample.RunAsync(Way.Database, "sagas", "list", option, value)).ShouldRefuse(ExitCode.Usage, because);

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task An_id_is_named_and_an_unknown_one_is_exit_code_3(string way)
    {
        (await Sample.RunAsync(way, "whatis", two.Demo)).ShouldBeDone().Out.Should().StartWith($"saga {two.Demo}: demo, running, owner {Sample.CoordinatorId}, created ");
        (await Sample.RunAsync(way, "whatis", Sample.CoordinatorId.ToString())).ShouldBeDone().Out.Should().StartWith($"coordinator {Sample.CoordinatorId}: active, ");
        (await Sample.RunAsync(way, "whatis", "demo", "--json")).ShouldBeDone().Read(RecoveryReportJson.Default.IReadOnlyListIdMatch)
            .Should().ContainSingle().Which.Kind.Should().Be(IdKind.Definition);
        await Sample.ExecuteAsync(
            """
            insert into saga_recovery.saga_coordinator (id, incarnation, host, process_id, token, server_start, table_id)
            values (@Id, 1, 'seeded', 1, gen_random_uuid(), now(), 0) on conflict do nothing
            """,
            new { Id = CoordinatorId.FromName("pod-7").Value });
        (await Sample.RunAsync(way, "whatis", "pod-7")).ShouldBeDone().Out.Should().StartWith($"coordinator {CoordinatorId.FromName("pod-7")}: ");
        string unknown = Guid.NewGuid().ToString();
        (await Sample.RunAsync(way, "whatis", unknown)).ShouldRefuse(ExitCode.NotFound, $"has the id '{unknown}'.");
        (await Sample.RunAsync(way, "whatis", "1b4e28ba-2fa1-8fd2-883f-0016d3cca427")).ShouldRefuse(ExitCode.NotFound, "It has the form of an idempotency key of a step");
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_tag_of_many_sagas_lists_the_newest_and_says_that_there_may_be_more(string way)
    {
        await Sample.ExecuteAsync(
            """
            insert into saga_recovery.saga_definition (hash, name, version, dag) values (sha256('{"nodes":[]}'), 'tagged', 1, '{"nodes":[]}') on conflict do nothing;
            with seeded as (
                insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, time_created)
                select gen_random_uuid(), 'tagged', gen_random_uuid(), sha256('{"nodes":[]}'), '{}', 'succeeded', now() - interval '30 minutes' from generate_series(1, 30)
                returning id, time_created
            )
            insert into saga_recovery.saga_tag (saga_id, name, value, time_created) select id, 'batch', @Way, time_created from seeded
            """,
            new { Way = way });

        ToolRun run = (await Sample.RunAsync(way, "whatis", $"batch={way}")).ShouldBeDone();

        run.Lines.Should().HaveCount(20).And.AllSatisfy(line => line.Should().StartWith("tag of saga "));
        run.Error.Should().Contain("There may be more than these 20: 'sagas list --tag NAME=VALUE'");
    }

    [Fact]
    public async Task A_search_that_takes_too_long_is_exit_code_1_with_what_would_narrow_it()
    {
        await using var canned = new CannedService(CannedService.Answer("422 Unprocessable Content", """{"detail": "The query was stopped after 5s. Narrow it by a tag."}"""));

        (await ToolRun.OfAsync("sagas", "list", "--url", canned.Url)).ShouldRefuse(ExitCode.Failed, "The query was stopped after 5s. Narrow it by a tag.");
    }
}
