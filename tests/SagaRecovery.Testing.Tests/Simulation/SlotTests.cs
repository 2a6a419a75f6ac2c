using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Coordinators;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Tests.Simulation;

/// <summary>The races of a saga that waits for a slot: what happens to it between its listing and its turn.</summary>
public sealed class SlotTests : IAsyncLifetime
{
    private static readonly SagaId A = RecoverySimulation.Saga(1);
    private static readonly SagaId B = RecoverySimulation.Saga(2);
    private static readonly SagaId C = RecoverySimulation.Saga(3);
    private static readonly CoordinatorId Other = new(Guid.Parse("c0000000-0000-4000-8000-000000000002"));

    private readonly RecoverySimulation _simulation = new();
    private SimulatedProcess _process = null!;

    /// <summary>A process with one slot takes the place of one that ran A, B and C: A runs, B and C wait.</summary>
    public async ValueTask InitializeAsync()
    {
        SimulatedProcess previous = await _simulation.StartProcessAsync();
        foreach (SagaId sagaId in new[] { A, B, C })
        {
            await previous.StartSagaAsync(sagaId);
        }

        previous.Kill();
        var gates = new StepGates();
        HeldStep join = gates.Hold(SimulatedStep.Join);
        _process = await _simulation.StartProcessAsync(gates: gates);
        _process.Executor.MaxRunning = 1;
        join.Release();
        await _process.ActivateAsync();
        _process.Executor.Running.Keys.Should().Equal(A);
        _process.Report.WaitingForSlot.Should().Be(2);
    }

    public ValueTask DisposeAsync() => _simulation.DisposeAsync();

    [Fact]
    public async Task A_saga_that_waits_is_resumed_without_a_pass_once_a_slot_is_free_and_the_totals_count_it_then()
    {
        _process.Report.Totals.Recovered.Should().Be(1);
        long passes = _process.Report.Totals.Passes;

        await _process.FinishAsync(A);
        await ResumedAsync(B);

        _process.Report.Totals.Should().Match<RecoveryTotals>(totals => totals.Recovered == 2 && totals.Passes == passes && totals.Refills == 1);
        _process.Report.SlotBacklog.Should().ContainSingle().Which.Count.Should().Be(1);
        PassReport last = await _process.ActivateAsync();
        (last.Found, last.Skipped, last.WaitingForSlot).Should().Be((2, 1, 1));
    }

    [Fact]
    public async Task Passes_over_sagas_that_wait_load_none_of_them()
    {
        HeldStep load = _process.Hold(SimulatedStep.Load);

        for (int pass = 1; pass <= 3; pass++)
        {
            (await _process.ActivateAsync()).Should().Match<PassReport>(report => report.WaitingForSlot == 2 && report.Recovered == 0);
        }

        load.Reached.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task A_saga_that_ended_while_it_waited_is_not_run()
    {
        HeldStep load = _process.Hold(SimulatedStep.Load);
        await _process.FinishAsync(A);
        await load.Reached;
        Membership member = _process.Services.GetRequiredService<SagaCoordinator>().Member!.Value;
        await _simulation.Database.AppendAsync(member, [new SagaLogEntry(B, AdoptGeneration.Initial, [], SagaState.Unwound)], TestContext.Current.CancellationToken);
        load.Release();

        await ResumedAsync(C);

        _process.Executor.Calls.Select(call => call.SagaId).Should().NotContain(B);
    }

    [Fact]
    public async Task A_saga_that_left_while_it_waited_and_came_back_is_run_once_at_its_newer_generation()
    {
        HeldStep load = _process.Hold(SimulatedStep.Load);
        await _process.FinishAsync(A);
        await load.Reached; // the refill has taken B at the generation of the listing
        _simulation.Database.Reassign(B, Other);
        AdoptGeneration back = _simulation.Database.Reassign(B, _simulation.Coordinator);
        load.Release();
        await ResumedAsync(C);

        await _process.FinishAsync(C);
        await _process.ActivateAsync();

        _process.Executor.RunsAt(B).Should().Be(back);
        _process.Executor.Calls.Where(call => call.SagaId == B).Should().ContainSingle();
    }

    [Fact]
    public async Task A_saga_that_was_reassigned_while_it_waited_leaves_the_queue_with_the_next_pass()
    {
        _simulation.Database.Reassign(B, Other);

        PassReport pass = await _process.ActivateAsync();
        await _process.FinishAsync(A);
        await ResumedAsync(C);

        (pass.Found, pass.WaitingForSlot, pass.Removed).Should().Be((2, 1, 0));
        _process.Executor.Calls.Select(call => call.SagaId).Should().NotContain(B);
    }

    [Fact]
    public async Task A_pass_that_has_listed_a_saga_waits_for_no_refill_and_no_refill_comes_in_between()
    {
        HeldStep listed = _process.Hold(SimulatedStep.ListAnswer);
        Task<PassReport> pass = _process.ActivateAsync();
        await listed.Reached;
        await _process.FinishAsync(A); // the listing holds A, and a refill is requested
        listed.Release();

        (await pass).Should().Match<PassReport>(report => report.Found == 3);
        await ResumedAsync(B);
        _process.Executor.Calls.Where(call => call.Resumed is not null).Select(call => call.SagaId).Should().Equal(A, B);
    }

    [Fact]
    public async Task After_a_failed_refill_a_pass_finds_out_and_the_saga_is_run()
    {
        HeldStep load = _process.Hold(SimulatedStep.Load);
        await _process.FinishAsync(A);
        await load.Reached;
        load.Fail(new TimeoutException("the database is away"));
        await _process.ActivateAsync();

        await ResumedAsync(B);

        _process.Report.Totals.Should().Match<RecoveryTotals>(totals => totals.Recovered == 2 && totals.Failed == 0);
    }

    [Fact]
    public async Task A_successor_fences_the_process_that_has_sagas_waiting_and_runs_them_itself()
    {
        HeldStep load = _process.Hold(SimulatedStep.Load);
        await _process.FinishAsync(A);
        await load.Reached;
        SimulatedProcess successor = await _simulation.StartProcessAsync();
        await successor.ActivateAsync();
        load.Release();

        await _process.ActivateAsync();

        _process.Executor.Running.Should().BeEmpty();
        _process.Fenced.IsCancellationRequested.Should().BeTrue();
        successor.Executor.Running.Keys.Should().Equal(B, C);
    }

    [Fact]
    public async Task After_a_restart_the_sagas_that_waited_are_found_again()
    {
        _process.Kill();
        SimulatedProcess successor = await _simulation.StartProcessAsync();

        PassReport pass = await successor.ActivateAsync();

        pass.Found.Should().Be(3);
        successor.Executor.Running.Keys.Should().Equal(A, B, C);
    }

    [Fact]
    public async Task A_second_start_of_a_saga_that_waits_fails_and_the_saga_still_gets_its_turn()
    {
        using (SimulatedStart start = await _process.AnnounceAsync(B))
        {
            (await start.InsertAsync()).Should().BeFalse("the row exists");
            await _process.ActivateAsync();
        }

        await _process.ActivateAsync(); // the start has been withdrawn
        await _process.FinishAsync(A);
        await ResumedAsync(C);
        await _process.FinishAsync(C);
        await ResumedAsync(B);

        _process.Report.Totals.ProtocolViolations.Should().Be(0);
    }

    /// <summary>Waits until the executor has resumed a saga and the refill that did it has been reported.</summary>
    private Task ResumedAsync(SagaId sagaId) => Eventually.HoldsAsync(
        () => _process.Executor.RunsAt(sagaId) is not null && _process.Report.RecentlyRecovered.Any(saga => saga.SagaId == sagaId), $"saga {sagaId} has a slot");
}
