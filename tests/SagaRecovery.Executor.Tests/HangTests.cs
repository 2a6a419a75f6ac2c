using Microsoft.Extensions.Time.Testing;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>An action that ignores its token costs its own saga only.</summary>
public sealed class HangTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    private readonly InMemorySagaStore _store = new();
    private readonly FakeTimeProvider _time = new();
    private readonly Gate _gate = new();

    [Fact]
    public async Task Its_slot_is_freed_and_the_log_names_it()
    {
        TestSaga hanging = Hanging();
        var other = new TestSaga("other", saga => saga.Node("only", _ => Task.CompletedTask));
        await using TestProcess process = await StartAsync(options => options.MaxRunningSagas = 1, hanging, other);
        SagaHandle handle = await BeginAsync(process, hanging);
        SagaHandle waiting = await process.Client.StartAsync(other, "");
        await process.Executor.RelinquishAsync(handle.SagaId, AdoptGeneration.Initial, CancellationToken.None);

        _time.Advance(s_limit);

        (await waiting.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        process.Lines.Text(120).Should().Contain("the action of node 'hang'");
        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>()
            .Which.Reason.Should().Be("recovery relinquished the saga; not ended: the action of node 'hang'");
        _gate.Open();
    }

    [Fact]
    public async Task A_later_run_waits_for_each_run_that_hangs()
    {
        var second = new Gate();
        var hanging = new TestSaga("hanging", saga =>
        {
            SagaNode first = saga.Node("first", _ => Task.CompletedTask, _ => second.PassAsync(CancellationToken.None));
            saga.Node("last", _ => _gate.PassAsync(CancellationToken.None), after: first);
        });
        var failed = new SavedNodeEvent(1, NodeEventType.Failed, """{"code":"injected","message":"ann: it hangs"}"""u8.ToArray());
        await using TestProcess process = await StartAsync(_ => { }, hanging);
        SagaHandle handle = await BeginAsync(process, hanging);
        await HangAsync(handle.Completion);
        StoredSaga stored = _store.Get(handle.SagaId);
        StoredSaga unwinding = stored with { Events = [.. stored.Events, failed], State = SagaState.Unwinding };
        await ResumeAsync(unwinding);
        await second.ArrivalAsync();
        await HangAsync(process.Client.Find(handle.SagaId)!.Completion);
        await ResumeAsync(_store.Get(handle.SagaId));
        Task<SagaResult> third = process.Client.Find(handle.SagaId)!.Completion;
        await AdvanceUntilAsync(third);

        (await third).Should().BeOfType<SagaResult.Interrupted>().Which.Reason
            .Should().Contain("the action of node 'last'").And.Contain("the undo of node 'first'");
        _gate.Open();
        second.Open();

        async Task HangAsync(Task<SagaResult> run)
        {
            await process.Executor.RelinquishAsync(handle.SagaId, new AdoptGeneration(9), CancellationToken.None);
            await AdvanceUntilAsync(run);
        }

        async Task ResumeAsync(StoredSaga saga)
        {
            await Eventually.HoldsAsync(() => process.Client.Find(handle.SagaId) is null, "its run was told to stop");
            await ResumeAsAsync(process, saga);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Its_saga_ends_without_it_once_an_operator_has_ended_the_step(bool isUndo)
    {
        var hanging = new TestSaga("hanging", saga =>
        {
            SagaNode first = isUndo
                ? saga.Node("first", _ => Task.CompletedTask, _ => _gate.PassAsync(CancellationToken.None))
                : saga.Node("first", _ => _gate.PassAsync(CancellationToken.None));
            saga.Node("last", Task (_) => throw new SagaActionException("no", "as always"), after: first);
        });
        var ended = new SavedNodeEvent(0, isUndo ? NodeEventType.UndoFinished : NodeEventType.Failed, """{"code":"injected","message":"ann: it hangs"}"""u8.ToArray());
        await using TestProcess process = await StartAsync(_ => { }, hanging);
        SagaHandle handle = await BeginAsync(process, hanging);
        _store.Reassign(handle.SagaId, TestProcess.Me); // the operator's action raises the generation, too
        StoredSaga stored = _store.Get(handle.SagaId);

        await ResumeAsAsync(process, stored with { Events = [.. stored.Events, ended], State = SagaState.Unwinding });
        Task<SagaResult> next = process.Client.Find(handle.SagaId)!.Completion;
        await AdvanceUntilAsync(next);

        (await next).Should().BeOfType<SagaResult.Unwound>();
        _gate.Open();
    }

    [Fact]
    public async Task The_next_run_of_its_saga_ends_without_a_step_and_one_after_its_end_continues()
    {
        TestSaga hanging = Hanging();
        await using TestProcess process = await StartAsync(_ => { }, hanging);
        SagaHandle handle = await BeginAsync(process, hanging);
        _store.Reassign(handle.SagaId, TestProcess.Me);

        (await process.ResumeAsync(handle.SagaId)).Should().Be(ResumeOutcome.Resumed.Instance);
        Task<SagaResult> second = process.Client.Find(handle.SagaId)!.Completion;
        await AdvanceUntilAsync(second);
        (await second).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().EndWith("has a step that does not end: the action of node 'hang'");
        process.ReadInbox().Should().Contain(message => message.Kind == StartMessageKind.Interrupted);

        _gate.Open();
        await Eventually.HoldsAsync(() => process.Executor.FindRun(handle.SagaId) is null, "the step has ended");
        (await process.ResumeToEndAsync(handle.SagaId)).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_shutdown_waits_for_it_no_longer_than_the_limit()
    {
        TestSaga hanging = Hanging();
        await using TestProcess process = await StartAsync(_ => { }, hanging);
        SagaHandle handle = await BeginAsync(process, hanging);

        Task stopped = process.StopAsync();
        await AdvanceUntilAsync(stopped);

        await stopped;
        process.Lines.Text(112).Should().EndWith($"runs that had not ended: 1; recovery resumes these sagas: {handle.SagaId} (hanging) the action of node 'hang'");
        process.Lines.Count(120).Should().Be(1);
        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>()
            .Which.Reason.Should().Be("this process is shutting down; not ended: the action of node 'hang'");
    }

    [Fact]
    public async Task A_shutdown_that_the_host_cuts_short_completes_the_handle_of_a_run_that_has_not_ended()
    {
        TestSaga hanging = Hanging();
        await using TestProcess process = await StartAsync(_ => { }, hanging);
        SagaHandle handle = await BeginAsync(process, hanging);

        await process.StopAsync(new CancellationToken(canceled: true)).Soon();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>()
            .Which.Reason.Should().Be("this process is shutting down; not ended: the action of node 'hang'");
        _gate.Open();
    }

    [Fact]
    public async Task A_shutdown_completes_the_handle_of_a_run_that_hung_before()
    {
        TestSaga hanging = Hanging();
        await using TestProcess process = await StartAsync(_ => { }, hanging);
        SagaHandle handle = await BeginAsync(process, hanging);
        await process.Executor.RelinquishAsync(handle.SagaId, AdoptGeneration.Initial, CancellationToken.None);
        _time.Advance(s_limit);
        await Eventually.HoldsAsync(() => process.Lines.Count(120) == 1, "the run hangs");

        await process.StopAsync().Soon();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>()
            .Which.Reason.Should().Be("recovery relinquished the saga; not ended: the action of node 'hang'");
    }

    /// <summary>Such a run is told by nobody to stop: its own turn ends it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_run_that_ends_by_itself_beside_a_hanging_step_frees_its_slot_and_is_reported(bool isRefused)
    {
        var other = new TestSaga("other", saga => saga.Node("only", _ => Task.CompletedTask));
        var goOn = new Gate();
        var broken = new TestSaga("broken", saga =>
        {
            saga.Node("hang", _ => _gate.PassAsync(CancellationToken.None));
            saga.Node("beside", async _ =>
            {
                await goOn.PassAsync(CancellationToken.None);
                return isRefused ? "small" : new string('x', 2_000_000);
            });
        });
        await using TestProcess process = await StartAsync(options => options.MaxRunningSagas = 1, broken, other);
        SagaHandle handle = await BeginAsync(process, broken);
        await goOn.ArrivalAsync();
        SagaHandle waiting = await process.Client.StartAsync(other, "");
        if (isRefused)
        {
            _store.Reassign(handle.SagaId, TestProcess.Other);
        }

        goOn.Open();
        await AdvanceUntilAsync(waiting.Completion);

        process.Lines.Text(120).Should().Contain("the action of node 'hang'");
        _gate.Open();
        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
    }

    /// <summary>Starts a saga, and waits until a step of it is at the gate.</summary>
    private async Task<SagaHandle> BeginAsync(TestProcess process, TestSaga saga)
    {
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();
        return handle;
    }

    /// <summary>Resumes a saga as an operator has changed it.</summary>
    private static async Task ResumeAsAsync(TestProcess process, StoredSaga saga) =>
        (await process.Executor.ResumeAsync(saga.ToSavedSaga(), process.Member.Of(saga.Generation), CancellationToken.None))
        .Should().Be(ResumeOutcome.Resumed.Instance);

    private async Task AdvanceUntilAsync(Task task) => await Eventually.HoldsAsync(
        () =>
        {
            _time.Advance(s_limit);
            return task.IsCompleted;
        },
        "the limit was noticed");

    private Task<TestProcess> StartAsync(Action<DurableExecutorOptions> configure, params Saga[] sagas) =>
        TestProcess.StartAsync(_store, sagas, time: _time, configure: options =>
        {
            options.StepStopTimeout = s_limit;
            configure(options);
        });

    /// <summary>One node that waits for the gate, whatever its token does.</summary>
    private TestSaga Hanging() => new("hanging", saga => saga.Node("hang", _ => _gate.PassAsync(CancellationToken.None), _ => Task.CompletedTask));
}
