using SagaRecovery.Stress.Cluster;
using SagaRecovery.Stress.Scenarios;

namespace SagaRecovery.Stress;

/// <summary>The scenarios that mostly wait, for a server that is away or a process that dies: they cost concurrent tests little.</summary>
public sealed class OutageShortFormTests(ITestOutputHelper output)
{
    [Fact]
    public async Task It_recovers_by_itself_from_every_database_fault()
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
            return; // and the output gives the reason
        }

        result.Figures["faults"]!.AsArray().Should().HaveCount(3);
        result["failedPasses"].Should().BeGreaterThanOrEqualTo(2, "dropped packets and rejected ones each fail one");
        result["projectsPromised"].Should().BeGreaterThan(64);
    }

    [Fact]
    public async Task Sagas_that_kill_their_process_end_up_held_and_their_neighbours_recovered_without_an_operator()
    {
        StressResult result = await RunAsync(new CrashLoopScenario(), seconds: 1);

        result["deaths"].Should().BeGreaterThanOrEqualTo(5, "in a group first, then each killer three times alone");
    }

    [Fact]
    public async Task A_saga_that_kills_its_process_late_ends_up_held_and_its_neighbours_finish()
    {
        StressResult result = await RunAsync(LateKillerScenario.Short, seconds: 1);

        result["deaths"].Should().BeGreaterThanOrEqualTo(6, "two, one that finds the sagas that ran, and the killer three times alone");
    }

    [Fact]
    public async Task When_the_database_fails_over_it_loses_nothing_and_runs_nothing_twice()
    {
        StressResult result = await RunAsync(new FailoverScenario(Failover.Switchover, Failover.Kill), seconds: 1);

        if (!result.IsAvailable)
        {
            return; // and the output gives the reason
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

    private Task<StressResult> RunAsync(Scenario scenario, int seconds) => ShortForm.RunAsync(scenario, seconds, output);
}
