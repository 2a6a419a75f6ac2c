using Samples.Tests.Support;

namespace Samples.Tests;

[Collection(OnPostgres.Name)]
public sealed class OwnExecutorTests(PostgresCluster postgres)
{
    [Fact]
    public async Task A_killed_process_is_followed_by_one_that_continues_with_the_step_under_way()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        await using (SampleProcess killed = SampleProcess.Start("OwnExecutor", database, "brew"))
        {
            await killed.PrintsAsync(" steep: begun");
            await killed.KillAsync();
        }

        (await database.SagasAsync()).Should().Equal("tea running");

        await using SampleProcess next = SampleProcess.Start("OwnExecutor", database);
        await next.PrintsAsync(" pour: done");
        await database.OnlySagaIsAsync("tea succeeded");
        next.HasPrinted(" steep: begun").Should().BeTrue();
        next.HasPrinted(" boil: ").Should().BeFalse("the log says that it was done");
        (await database.EventsAsync()).Should().Equal("0 started", "0 succeeded", "1 started", "1 succeeded", "2 started", "2 succeeded");
    }

    [Fact]
    public async Task A_process_that_shuts_down_in_the_middle_leaves_the_saga_to_the_next_one()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        await using (SampleProcess stopped = SampleProcess.Start("OwnExecutor", database, "brew"))
        {
            await stopped.PrintsAsync(" boil: begun");
            (await stopped.TerminateAsync()).Should().Be(0);
            stopped.HasPrinted(" steep: begun").Should().BeFalse();
        }

        await using SampleProcess next = SampleProcess.Start("OwnExecutor", database);
        await next.PrintsAsync(" pour: done");
        await database.OnlySagaIsAsync("tea succeeded");
    }
}
