using Samples.Tests.Support;

namespace Samples.Tests;

[Collection(OnPostgres.Name)]
public sealed class MinimalTests(PostgresCluster postgres)
{
    [Fact]
    public async Task A_disk_whose_process_is_killed_is_made_by_the_next_one()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        await using (SampleProcess killed = SampleProcess.Start("Minimal", database, "create", "disk-1"))
        {
            await killed.PrintsAsync(" allocate-region: 10 GB for disk-1");
            await Eventually.HoldsAsync(
                async () => (await database.EventsAsync()).Contains("0 succeeded"), "the first step had ended", SampleProcess.Longest);
            await killed.KillAsync();
        }

        (await database.SagasAsync()).Should().Equal("create-disk running");

        await using SampleProcess next = SampleProcess.Start("Minimal", database);
        await next.PrintsAsync(" attach: attached");
        await database.OnlySagaIsAsync("create-disk succeeded");
        next.HasPrinted(" make-volume: volume on region-").Should().BeTrue();
        next.HasPrinted(" allocate-region: ").Should().BeFalse("the log says that it was done");
        (await next.TerminateAsync()).Should().Be(0);
    }
}
