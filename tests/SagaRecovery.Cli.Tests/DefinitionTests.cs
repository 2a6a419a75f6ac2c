using System.Text.Json;
using System.Text.RegularExpressions;
using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Tests;

/// <summary>The definitions of a database, and the answer to the question if their classes may be deleted.</summary>
[Collection(OnPostgres.Name)]
public sealed class DefinitionTests(SampleFixture fixture) : IClassFixture<SampleFixture>
{
    private const string Heading = "^NAME +VERSION +HASH +UNFINISHED +ENDED +MAY IT BE DELETED\\? +CAN RUN IT\n";

    private static string Host => Regex.Escape(Environment.MachineName);

    private SampleService Sample => fixture.Sample;

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task Definitions_are_listed_with_their_sagas_and_the_answer_whether_they_may_be_deleted(string way)
    {
        await Sample.ExecuteAsync("delete from saga_recovery.saga; delete from saga_recovery.saga_definition where name in ('withdrawn', 'disks')");
        await Sample.StartDemoSagaAsync();
        await AddAsync("withdrawn", 1, "running", count: 2);
        await AddAsync("withdrawn", 2, "succeeded", count: 3);
        await AddAsync("withdrawn", 3, "stuck", count: 1);
        for (int disks = 0; disks < 7; disks++)
        {
            await AddAsync("disks", 1, "unwinding", count: 1, nodes: disks);
        }

        ToolRun list = (await Sample.RunAsync(way, "definitions", "list")).ShouldBeDone();

        list.Out.Should().MatchRegex(Heading)
            .And.MatchRegex($"(?m)^demo +1 +[0-9a-f]{{12}} +1 +0 +needed +{Host}$")
            .And.MatchRegex($"(?m)^demo-slow +1 +[0-9a-f]{{12}} +0 +0 +registered, has no sagas +{Host}$")
            .And.MatchRegex("(?m)^withdrawn +1 +[0-9a-f]{12} +2 +0 +UNFINISHED, AND NO PROCESS CAN RUN IT +no process$")
            .And.MatchRegex("(?m)^withdrawn +2 +[0-9a-f]{12} +0 +3 +may be deleted +no process$")
            .And.MatchRegex("(?m)^withdrawn +3 +[0-9a-f]{12} +0 +1 +needed if an undo is to be retried +no process$")
            .And.MatchRegex("(?m)^disks +1 +7 shapes +7 +0 +UNFINISHED, AND NO PROCESS CAN RUN IT +no process$");
        list.Error.Should().Contain("Delete a class only if the program starts no saga of it any more.");
    }

    [Fact]
    public async Task The_service_and_its_database_agree_and_json_has_every_shape_with_its_whole_hash()
    {
        await Sample.ExecuteAsync("delete from saga_recovery.saga");
        for (int disks = 0; disks < 7; disks++)
        {
            await AddAsync("disks", 1, "unwinding", count: 1, nodes: disks);
        }

        ToolRun service = (await Sample.RunAsync(Way.Service, "definitions", "list", "--json")).ShouldBeDone();
        ToolRun database = (await Sample.RunAsync(Way.Database, "definitions", "list", "--json")).ShouldBeDone();

        database.Out.Should().Be(service.Out);
        DefinitionList list = database.Read(RecoveryReportJson.Default.DefinitionList);
        list.RunAny.Should().BeEmpty();
        list.Definitions.Where(one => one.Name == "disks").Should().HaveCount(7).And.AllSatisfy(one => one.Need.Should().Be(DefinitionNeed.NotRunnable));
        JsonDocument.Parse(database.Out).RootElement.GetProperty("definitions")[0].GetProperty("hash").GetString().Should().MatchRegex("^[0-9a-f]{64}$");
    }

    [Fact]
    public async Task Without_the_service_a_saga_that_its_owner_cannot_run_is_explained_by_its_definition()
    {
        await Sample.ExecuteAsync("delete from saga_recovery.saga");
        string saga = await Sample.StartDemoSagaAsync();
        await AddAsync("withdrawn", 7, "running", count: 1);
        await Sample.ExecuteAsync("update saga_recovery.saga set current_coordinator = (select current_coordinator from saga_recovery.saga where id = @saga) where name = 'withdrawn'", new { saga = Guid.Parse(saga) });
        SagaSummary withdrawn = (await Sample.RunAsync(Way.Database, "sagas", "list", "--name", "withdrawn", "--state", "running", "--json"))
            .Read(RecoveryReportJson.Default.IReadOnlyListSagaSummary).Single();

        (await Sample.RunAsync(Way.Database, "explain", withdrawn.Id.ToString())).ShouldBeDone().Out.Should()
            .StartWith($"saga {withdrawn.Id}: unknown definition (from its row alone)\n")
            .And.Contain($"Its owner, coordinator {Sample.CoordinatorId} (").And.Contain("has no definition 'withdrawn' version 7 of this shape.")
            .And.Contain("Deploy a binary that has this definition: no process that answers has it.");
        (await Sample.RunAsync(Way.Database, "explain", saga)).ShouldBeDone().Out.Should().Contain("Ask that process.");
        await Sample.ExecuteAsync("delete from saga_recovery.saga where name = 'withdrawn'");
    }

    [Fact]
    public async Task Hostile_names_are_cut_and_shown_without_effect()
    {
        await AddAsync("\u001b[2J[red]x[/]\u202e" + new string('n', 100_000), 1, "running", count: 1);

        ToolRun list = (await Sample.RunAsync(Way.Database, "definitions", "list")).ShouldBeDone();

        list.Out.Should().NotContain("\u001b").And.NotContain("\u202e").And.Contain("[red]x[/]");
        list.Out.Length.Should().BeLessThan(20_000);
        await Sample.ExecuteAsync("delete from saga_recovery.saga where name like '%nnn'; delete from saga_recovery.saga_definition where name like '%nnn'");
    }

    /// <summary>Inserts sagas with a definition of their own.</summary>
    private Task AddAsync(string name, int version, string state, int count, int nodes = 0) => Sample.ExecuteAsync(
        """
        insert into saga_recovery.saga_definition (hash, name, version, dag)
        values (sha256(convert_to(@name || @version::text || ' ' || @nodes::text, 'UTF8')), @name, @version, '{}') on conflict do nothing;
        insert into saga_recovery.saga (id, name, creator, definition_hash, params, state)
        select gen_random_uuid(), @name, gen_random_uuid(), sha256(convert_to(@name || @version::text || ' ' || @nodes::text, 'UTF8')), '{}', @state
        from generate_series(1, @count)
        """,
        new { name, version, state, count, nodes });
}
