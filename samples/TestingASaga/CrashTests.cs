// Shows how to force what a test cannot time: RecoverySimulation runs processes with the real recovery, and holds or kills them at a step.
using FluentAssertions;
using SagaRecovery;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Testing;
using Xunit;

namespace TestingASaga;

public sealed class CrashTests
{
    private static readonly SagaId s_saga = RecoverySimulation.Saga(1);

    [Fact]
    public async Task A_saga_of_a_killed_process_is_resumed_by_the_next_one_under_its_id()
    {
        await using var simulation = new RecoverySimulation();
        SimulatedProcess killed = await simulation.StartProcessAsync();
        await killed.StartSagaAsync(s_saga);
        killed.Kill();

        SimulatedProcess successor = await simulation.StartProcessAsync();
        await successor.ActivateAsync();

        successor.Executor.RunsAt(s_saga).Should().Be(AdoptGeneration.Initial);
    }

    [Fact]
    public async Task A_process_that_was_only_taken_for_dead_cannot_finish_the_saga_of_its_successor()
    {
        await using var simulation = new RecoverySimulation();
        SimulatedProcess paused = await simulation.StartProcessAsync();
        await paused.StartSagaAsync(s_saga);
        SimulatedProcess successor = await simulation.StartProcessAsync();
        await successor.ActivateAsync();

        await paused.Invoking(process => process.FinishAsync(s_saga)).Should().ThrowAsync<CoordinatorFencedException>();

        (await successor.FinishAsync(s_saga)).Should().BeTrue();
    }

    [Fact]
    public async Task A_saga_that_starts_while_a_pass_lists_is_not_run_twice()
    {
        await using var simulation = new RecoverySimulation();
        SimulatedProcess process = await simulation.StartProcessAsync();
        await process.ActivateAsync();

        HeldStep page = process.Hold(SimulatedStep.ListPage);
        Task<PassReport> pass = process.ActivateAsync();
        await page.Reached; // the pass is about to read the listing …
        await process.StartSagaAsync(s_saga); // … and now finds this saga in it
        page.Release();

        (await pass).Skipped.Should().Be(1);
        process.Executor.Calls.Should().BeEmpty();
    }
}
