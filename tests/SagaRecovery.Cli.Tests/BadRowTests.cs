using System.Text.Json;
using SagaRecovery.Cli.Tests.Support;

namespace SagaRecovery.Cli.Tests;

/// <summary>A row that .NET cannot represent is shown as bad, and the others as ever.</summary>
[Collection(OnPostgres.Name)]
public sealed class BadRowTests(PostgresCluster postgres)
{
    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task Lists_show_a_bad_row_as_bad_and_the_others_as_ever(string way)
    {
        await using SampleService sample = await SampleService.StartAsync(postgres);
        string good = await sample.StartDemoSagaAsync();
        string bad = await sample.StartDemoSagaAsync();
        string odd = await sample.StartDemoSagaAsync();
        Guid dead = await sample.DeadAsync();
        await sample.ExecuteAsync(
            """
            alter table saga_recovery.saga drop constraint saga_state_check;
            update saga_recovery.saga set time_created = '0044-03-15 BC', current_coordinator = null, adopt_generation = adopt_generation + 1 where id = @bad;
            update saga_recovery.saga set state = 'paused' where id = @odd;
            update saga_recovery.saga_coordinator set time_joined = 'infinity', time_seen = '0044-03-15 BC' where id = @dead
            """,
            new { bad = Guid.Parse(bad), odd = Guid.Parse(odd), dead });

        string list = (await sample.RunAsync(way, "sagas", "list")).ShouldBeDone().Out;
        LineOf(list, good).Should().Contain("running").And.NotContain("UNREADABLE");
        LineOf(list, bad).Should().Contain("UNREADABLE");
        LineOf(list, odd).Should().Contain("unknown").And.Contain("UNREADABLE");
        list.Should().Contain($"saga {bad} cannot be read in full: time_created is 0044-03-15").And.Contain($"saga {odd} cannot be read in full: state is 'paused'");
        string coordinators = (await sample.RunAsync(way, "coordinators", "list")).ShouldBeDone().Out;
        coordinators.Should().Contain(sample.CoordinatorId.ToString()).And.Contain($"coordinator {dead} cannot be read in full: time_joined is infinity; time_seen is 0044-03-15");
        (await sample.RunAsync(way, "coordinators", "orphans")).ShouldBeDone().Out.Should().Contain("has no owner");
        (await sample.RunAsync(way, "definitions", "list")).ShouldBeDone();
        (await sample.RunAsync(way, "sagas", "show", bad)).ShouldBeDone().Out.Should().Contain("unreadable: time_created is 0044-03-15");
        (await sample.RunAsync(way, "explain", odd)).ShouldBeDone().Out.Should().Contain("unreadable");
        (await sample.RunAsync(way, "whatis", bad)).ShouldBeDone();
        JsonElement[] json = [.. JsonDocument.Parse((await sample.RunAsync(way, "sagas", "list", "--json")).ShouldBeDone().Out).RootElement.EnumerateArray()];
        json.Single(one => one.GetProperty("id").GetString() == odd).GetProperty("state").GetString().Should().Be("Unknown");
    }

    [Fact]
    public async Task The_plan_has_the_bad_sagas_as_well()
    {
        await using SampleService sample = await SampleService.StartAsync(postgres);
        string bad = await sample.StartDemoSagaAsync();
        await sample.ExecuteAsync("update saga_recovery.saga set time_created = 'infinity', deadline = '-infinity' where id = @bad", new { bad = Guid.Parse(bad) });

        (await sample.RunAsync(Way.Service, "plan")).ShouldBeDone().Out.Should().Contain(bad);
    }

    private static string LineOf(string list, string saga) => list.Split('\n').First(line => line.Contains(saga, StringComparison.Ordinal));
}
