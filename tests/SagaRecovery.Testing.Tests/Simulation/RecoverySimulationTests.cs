using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Tests.Simulation;

/// <summary>Either side of each race, forced.</summary>
public sealed class RecoverySimulationTests : IAsyncLifetime
{
    private static readonly SagaId A = RecoverySimulation.Saga(1);
    private static readonly SagaId B = RecoverySimulation.Saga(2);

    private readonly RecoverySimulation _simulation = new();
    private SimulatedProcess _process = null!;

    public async ValueTask InitializeAsync()
    {
        _process = await _simulation.StartProcessAsync(options => options.ListPageSize = 1);
        await _process.ActivateAsync();
    }

    public ValueTask DisposeAsync() => _simulation.DisposeAsync();

    [Fact]
    public async Task A_saga_that_is_announced_inserted_and_listed_within_one_pass_is_not_run_twice()
    {
        HeldStep page = _process.Hold(SimulatedStep.ListPage);
        Task<PassReport> pass = _process.ActivateAsync();
        await page.Reached;
        await _process.StartSagaAsync(A);
        page.Release();

        PassReport report = await pass;

        report.Found.Should().Be(1);
        report.Skipped.Should().Be(1);
        _process.Executor.Calls.Should().BeEmpty();
    }

    [Fact]
    public async Task A_saga_that_is_started_once_the_listing_has_been_read_is_kept()
    {
        HeldStep listed = _process.Hold(SimulatedStep.ListAnswer);
        Task<PassReport> pass = _process.ActivateAsync();
        await listed.Reached;
        await _process.StartSagaAsync(A);
        listed.Release();

        (await pass).Starting.Should().Be(1);
        (await _process.ActivateAsync()).Skipped.Should().Be(1);
        _process.Executor.Calls.Should().BeEmpty();
    }

    [Fact]
    public async Task A_saga_whose_insert_takes_longer_than_many_passes_is_neither_forgotten_nor_run_twice()
    {
        using SimulatedStart start = await _process.AnnounceAsync(A);
        HeldStep insert = _process.Hold(SimulatedStep.Insert, A);
        Task<bool> inserting = start.InsertAsync();
        await insert.Reached;
        (await _process.ActivateAsync()).Starting.Should().Be(1);
        (await _process.ActivateAsync()).Starting.Should().Be(1);
        insert.Release();
        (await inserting).Should().BeTrue();
        start.Run();

        (await _process.ActivateAsync()).Skipped.Should().Be(1);

        _process.Executor.Calls.Should().BeEmpty();
    }

    [Fact]
    public async Task A_saga_whose_commit_was_not_answered_is_recovered()
    {
        using (SimulatedStart start = await _process.AnnounceAsync(A))
        {
            HeldStep answer = _process.Hold(SimulatedStep.InsertAnswer, A);
            Task<bool> inserting = start.InsertAsync();
            await answer.Reached;
            (await _process.ActivateAsync()).Skipped.Should().Be(1, "it may be running, for all that recovery knows");
            answer.Fail(new IOException("the connection broke"));
            await inserting.Invoking(insert => insert).Should().ThrowAsync<IOException>();
        }

        (await _process.ActivateAsync()).Recovered.Should().Be(1);

        _process.Executor.RunsAt(A).Should().Be(AdoptGeneration.Initial);
    }

    [Fact]
    public async Task A_saga_that_is_reassigned_while_it_is_loaded_is_superseded()
    {
        await LeftBehindAsync(A);
        HeldStep load = _process.Hold(SimulatedStep.Load, A);
        Task<PassReport> pass = _process.ActivateAsync();
        await load.Reached;
        _simulation.Database.Reassign(A, to: null);
        load.Release();

        (await pass).Superseded.Should().Be(1);
        _process.Executor.Calls.Should().BeEmpty();
    }

    [Fact]
    public async Task A_saga_that_was_taken_on_although_its_executor_threw_is_not_run_twice()
    {
        await LeftBehindAsync(A);
        HeldStep answer = _process.Hold(SimulatedStep.ResumeAnswer, A);
        Task<PassReport> pass = _process.ActivateAsync();
        await answer.Reached;
        answer.Fail(new IOException("it had begun"));
        (await pass).Failed.Should().Be(1);

        (await _process.ActivateAsync()).Skipped.Should().Be(1);

        _process.Executor.Calls.Select(call => call.Resumed).Should().Equal(ResumeOutcome.Resumed.Instance, ResumeOutcome.AlreadyRunning.Instance);
    }

    [Fact]
    public async Task One_resume_that_never_ends_delays_no_other()
    {
        await LeftBehindAsync(A, B);
        using HeldStep held = _process.Hold(SimulatedStep.Resume, A);
        Task<PassReport> pass = _process.ActivateAsync();
        await held.Reached;
        await Eventually.HoldsAsync(() => _process.Executor.RunsAt(B) is not null, "the other saga was running");
        held.Release();

        (await pass).Recovered.Should().Be(2);
    }

    [Fact]
    public async Task A_process_that_is_killed_before_its_insert_was_answered_leaves_a_saga_to_its_successor()
    {
        SimulatedStart start = await _process.AnnounceAsync(A);
        HeldStep answer = _process.Hold(SimulatedStep.InsertAnswer);
        Task<bool> inserting = start.InsertAsync();
        await answer.Reached;
        _process.Kill();
        answer.Release();

        SimulatedProcess successor = await _simulation.StartProcessAsync();
        await successor.ActivateAsync();

        successor.Executor.RunsAt(A).Should().Be(AdoptGeneration.Initial);
        inserting.IsCompleted.Should().BeFalse("a dead process receives no answer");
    }

    [Fact]
    public async Task A_zombie_that_lists_after_its_successor_joined_is_fenced_and_resumes_nothing()
    {
        await LeftBehindAsync(A);
        HeldStep page = _process.Hold(SimulatedStep.ListPage);
        Task<PassReport> pass = _process.ActivateAsync();
        await page.Reached;
        SimulatedProcess successor = await _simulation.StartProcessAsync();
        await successor.ActivateAsync();
        page.Release();

        (await pass).Result.Should().Be(PassResult.Failed);

        _process.Fenced.IsCancellationRequested.Should().BeTrue();
        _process.Executor.Calls.Should().BeEmpty();
        successor.Executor.RunsAt(A).Should().NotBeNull();
    }

    [Fact]
    public async Task A_run_that_ends_after_its_process_was_fenced_writes_nothing()
    {
        await _process.StartSagaAsync(A);
        SimulatedProcess successor = await _simulation.StartProcessAsync();
        await successor.ActivateAsync();

        await _process.Invoking(process => process.FinishAsync(A)).Should().ThrowAsync<Fencing.CoordinatorFencedException>();

        _simulation.Database.Get(A).State.Should().Be(SagaState.Running);
        (await successor.FinishAsync(A)).Should().BeTrue();
        (await successor.ActivateAsync()).Removed.Should().Be(1);
    }

    [Fact]
    public async Task An_interrupted_run_is_recovered_once_its_delay_is_over()
    {
        await _process.StartSagaAsync(A);
        _process.ReportInterrupted(A);

        PassReport report = await _process.ActivateAsync(); // explicitly: the delay is not waited for

        report.Interrupted.Should().Be(1);
        report.Recovered.Should().Be(1);
        _process.Report.Totals.MissingFromExecutor.Should().Be(1);
    }

    /// <summary>Sagas of an earlier process that has stopped.</summary>
    private async Task LeftBehindAsync(params SagaId[] sagas)
    {
        foreach (SagaId saga in sagas)
        {
            using SimulatedStart start = await _process.AnnounceAsync(saga);
            (await start.InsertAsync()).Should().BeTrue();
        }
    }
}
