using SagaRecovery.Stress.Scenarios;

namespace SagaRecovery.Stress;

/// <summary>The scenarios with processes under constant load, for as long as a test may take.</summary>
public sealed class ShortFormTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Passes_without_pause_under_load_recover_nothing_and_complain_of_nothing()
    {
        StressResult result = await RunAsync(new FuriousScenario(), seconds: 10);

        result["sagas"].Should().BeGreaterThan(300);
        result["passes"].Should().BeGreaterThan(94, "the model had as many in its run");
        result["skipped"].Should().BeGreaterThan(636);
        result["recovered"].Should().Be(0);
    }

    [Fact]
    public async Task Killed_at_random_moments_it_loses_nothing_and_runs_nothing_twice()
    {
        StressResult result = await RunAsync(new KillScenario(), seconds: 10);

        result["kills"].Should().BeGreaterThanOrEqualTo(8);
        result["killsWhileStarting"].Should().BeGreaterThanOrEqualTo(2);
        result["recovered"].Should().BeGreaterThan(20);
        result["recoveriesTimed"].Should().BeGreaterThanOrEqualTo(4);
        result["cancelled"].Should().BeGreaterThan(8);
        result["projectsPromised"].Should().BeGreaterThan(64);
    }

    [Fact]
    public async Task A_paused_process_that_wakes_up_after_its_successor_started_is_fenced()
    {
        StressResult result = await RunAsync(new ZombieScenario(), seconds: 10);

        result["zombies"].Should().BeGreaterThanOrEqualTo(3);
        result["recovered"].Should().BeGreaterThanOrEqualTo(3);
        result["projectsPromised"].Should().BeGreaterThan(64);
    }

    [Fact]
    public async Task Poison_among_thousands_of_good_sagas_blocks_none_of_them()
    {
        StressResult result = await RunAsync(new PoisonScenario(), seconds: 1);

        result["good"].Should().BeGreaterThan(2000);
        result["actionsRun"].Should().BeGreaterThan(5000);
        result["abandoned"].Should().Be(result["corrupt"]).And.BeGreaterThan(0);
        result["failedToRecover"].Should().BeGreaterThan(result["misread"]);
    }

    [Fact]
    public async Task Many_more_sagas_than_slots_are_all_run_although_the_process_is_killed_half_way()
    {
        StressResult result = await RunAsync(new BacklogScenario(sagas: 20_000), seconds: 1);

        result["good"].Should().Be(20_000);
        result["lost"].Should().Be(0);
        result["runTwice"].Should().Be(0);
        result["waitedForSlot"].Should().BeGreaterThan(19_000);
        result["peakMegabytes"].Should().BeLessThan(400);
    }

    [Fact]
    public async Task Of_three_nodes_one_may_be_lost_reassigned_rolled_or_stalled_and_no_two_owners_write()
    {
        StressResult result = await RunAsync(new NodesScenario(), seconds: 1);

        result["takeOvers"].Should().Be(1);
        result["reassignedByDrains"].Should().BeGreaterThan(0);
        result["cancelled"].Should().BeGreaterThan(8);
        result["recovered"].Should().BeGreaterThan(10);
        result["projectsPromised"].Should().BeGreaterThan(64);
    }

    [Fact]
    public async Task Killed_while_it_deletes_and_with_an_archive_that_fails_it_deletes_nothing_unfinished_and_nothing_that_is_not_archived()
    {
        StressResult result = await RunAsync(new RetentionScenario(), seconds: 10);

        result["kills"].Should().BeGreaterThanOrEqualTo(8);
        result["livesWithoutArchive"].Should().BeGreaterThan(1);
        result["deleted"].Should().BeGreaterThan(200).And.Be(result["started"]);
        result["present"].Should().Be(0);
    }

    [Fact]
    public async Task Killed_at_each_step_of_a_deletion_it_deletes_nothing_unfinished_and_nothing_that_is_not_archived()
    {
        StressResult result = await RunAsync(new PurgeStepsScenario(), seconds: 1);

        result["kills"].Should().Be(10);
        result["deleted"].Should().Be(300, "thirty sagas expire at each step");
    }

    [Fact]
    public async Task Under_load_with_retention_the_database_stays_small()
    {
        string csv = Path.GetTempFileName();
        try
        {
            StressResult result = await ShortForm.RunAsync(new SoakScenario(csv), seconds: 60, output);

            result["deleted"].Should().BeGreaterThan(100);
            (await File.ReadAllLinesAsync(csv, TestContext.Current.CancellationToken)).Should().HaveCountGreaterThan(5);
        }
        finally
        {
            File.Delete(csv);
        }
    }

    private Task<StressResult> RunAsync(Scenario scenario, int seconds) => ShortForm.RunAsync(scenario, seconds, output);
}
