using SagaRecovery.Stress.Cluster;
using SagaRecovery.Stress.Scenarios;

namespace SagaRecovery.Stress;

/// <summary>Each scenario, for as long as a test may take. They run one after the other: each needs the machine for itself.</summary>
public sealed class ShortFormTests(Xunit.Abstractions.ITestOutputHelper output)
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
        result["projectsPromised"].Should().BeGreaterThan(64);
    }

    [Fact]
    public async Task Whatever_befalls_the_database_it_comes_back_by_itself()
    {
        StressResult result = await RunAsync(new DatabaseScenario(), seconds: 1);

        result.Figures["faults"]!.AsArray().Should().HaveCount(5);
        result["failedPasses"].Should().BeGreaterThan(2, "a crash, a connection limit and a statement time-out each fail one");
        result["projectsPromised"].Should().BeGreaterThan(64);
    }

    [Fact]
    public async Task Cut_off_from_the_database_it_comes_back_by_itself()
    {
        StressResult result = await RunAsync(new PartitionScenario(), seconds: 1);

        if (!result.IsAvailable)
        {
            return; // and the output says why
        }

        result.Figures["faults"]!.AsArray().Should().HaveCount(3);
        result["failedPasses"].Should().BeGreaterThan(2);
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
    public async Task Poison_among_thousands_of_good_sagas_stands_in_nobodys_way()
    {
        StressResult result = await RunAsync(new PoisonScenario(), seconds: 1);

        result["good"].Should().BeGreaterThan(2000);
        result["actionsRun"].Should().BeGreaterThan(5000);
        result["abandoned"].Should().Be(result["corrupt"]).And.BeGreaterThan(0);
        result["failedHandOvers"].Should().BeGreaterThan(result["misread"]);
    }

    [Fact]
    public async Task Sagas_that_kill_their_process_end_up_held_and_their_neighbours_recovered_without_anyones_help()
    {
        StressResult result = await RunAsync(new CrashLoopScenario(), seconds: 1);

        result["deaths"].Should().BeGreaterThanOrEqualTo(5, "in a group first, then each killer three times alone");
    }

    [Fact]
    public async Task Of_three_nodes_one_may_be_lost_reassigned_rolled_or_stalled_and_no_two_owners_write()
    {
        StressResult result = await RunAsync(new NodesScenario(), seconds: 1);

        result["takeOvers"].Should().Be(1);
        result["handedOverByDrains"].Should().BeGreaterThan(0);
        result["recovered"].Should().BeGreaterThan(10);
        result["projectsPromised"].Should().BeGreaterThan(64);
    }

    [Fact]
    public async Task When_the_database_fails_over_it_loses_nothing_and_runs_nothing_twice()
    {
        StressResult result = await RunAsync(new FailoverScenario(Failover.Switchover, Failover.Kill), seconds: 1);

        if (!result.IsAvailable)
        {
            return; // and the output says why
        }

        result["failovers"].Should().Be(2);
        result["unwound"].Should().BeGreaterThan(8);
        result["projectsPromised"].Should().BeGreaterThan(64);
    }

    [Fact]
    public async Task When_a_fail_over_loses_commits_every_saga_that_is_left_ends()
    {
        StressResult result = await RunAsync(new LossyFailoverScenario(), seconds: 1);

        result["rounds"].Should().BeGreaterThanOrEqualTo(3);
        result["sagasLost"].Should().BeGreaterThan(8);
        result["endsLost"].Should().BeGreaterThan(0);
        result["eventsLost"].Should().BeGreaterThan(100);
    }

    [Fact]
    public async Task When_a_backup_is_restored_every_saga_that_is_left_ends_and_only_the_process_that_joined_last_writes()
    {
        StressResult result = await RunAsync(new RestoreScenario(isShort: true), seconds: 1);

        result["restores"].Should().Be(2);
    }

    private async Task<StressResult> RunAsync(Scenario scenario, int seconds)
    {
        await using var progress = new StringWriter();
        StressResult result = await StressRun.RunAsync(scenario, TimeSpan.FromSeconds(seconds), Random.Shared.Next(), progress);
        output.WriteLine($"{progress}\n{result}");
        result.Wrong.Should().BeEmpty($"with seed {result.Seed}:\n{progress}");
        return result;
    }
}
