using SagaRecovery.Bookkeeping;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>Runs that stop because their saga is held.</summary>
public sealed class SuspensionTests
{
    private readonly InMemorySagaStore _store = new();
    private readonly GatedChain _chain = new();

    [Fact]
    public async Task A_run_that_is_suspended_logs_its_step_in_flight_and_begins_no_other()
    {
        TestSaga saga = _chain.CreateSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _chain.Gate.ArrivalAsync();

        await process.Executor.SuspendAsync(handle.SagaId, CancellationToken.None);
        _chain.Gate.Open();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Be("an operator holds the saga");
        _chain.Calls.Should().Equal("first", "second");
        _store.Get(handle.SagaId).Events.Should().HaveCount(4);
        process.ReadInbox().Should().Contain(message => message.Kind == StartMessageKind.Interrupted);
        (await process.ResumeToEndAsync(handle.SagaId)).Should().BeOfType<SagaResult.Succeeded>();
        _chain.Calls.Should().Equal("first", "second", "third");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_suspended_run_waits_for_no_further_attempt(bool isInAttempt)
    {
        var patient = new NodePolicy { Action = new StepPolicy { Delay = TimeSpan.FromHours(1), MaxDelay = TimeSpan.FromHours(1) } };
        int calls = 0;
        var saga = new TestSaga("retries", builder => builder.Node("call", patient, async _ =>
        {
            if (++calls == 1)
            {
                await (isInAttempt ? _chain.Gate.PassAsync(CancellationToken.None) : Task.CompletedTask);
                throw new TimeoutException();
            }
        }));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await (isInAttempt ? _chain.Gate.ArrivalAsync() : Eventually.HoldsAsync(() => process.Lines.Count(115) == 1, "the step waits for its next attempt"));

        await process.Executor.SuspendAsync(handle.SagaId, CancellationToken.None);
        _chain.Gate.Open();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Be("an operator holds the saga");
        _store.Get(handle.SagaId).Events.Should().ContainSingle("the step has no result");
        (await process.ResumeToEndAsync(handle.SagaId)).Should().BeOfType<SagaResult.Succeeded>();
        calls.Should().Be(2);
    }

    [Fact]
    public async Task A_suspended_run_that_is_cancelled_interrupts_a_step_without_an_undo()
    {
        var saga = new TestSaga("waits", builder => builder.Node("wait", context => _chain.Gate.PassAsync(context.CancellationToken)));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _chain.Gate.ArrivalAsync();
        await process.Executor.SuspendAsync(handle.SagaId, CancellationToken.None);

        await process.Client.CancelAsync(handle.SagaId, "enough");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        (await process.ResumeToEndAsync(handle.SagaId)).Should().Be(new SagaResult.Cancelled("service", "enough"));
    }

    [Fact]
    public async Task A_hold_that_arrives_during_the_last_write_does_not_interrupt_the_saga()
    {
        TestSaga saga = _chain.CreateSaga();
        var log = new ScriptedLog(_store);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);
        log.BeforeAppend = entries => entries.Any(entry => entry.NewState is SagaState.Succeeded)
            ? process.Executor.SuspendAsync(entries[0].SagaId, CancellationToken.None).AsTask()
            : Task.CompletedTask;
        _chain.Gate.Open();

        (await (await process.Client.StartAsync(saga, "")).Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();

        process.ReadInbox().Should().Contain(message => message.Kind == StartMessageKind.Ended).And.NotContain(message => message.Kind == StartMessageKind.Interrupted);
    }

    [Fact]
    public async Task A_step_of_a_suspended_run_that_fails_has_failed()
    {
        var saga = new TestSaga("fails", builder => builder.Node("only", async _ =>
        {
            await _chain.Gate.PassAsync(CancellationToken.None);
            throw new SagaActionException("no", "no");
        }));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _chain.Gate.ArrivalAsync();

        await process.Executor.SuspendAsync(handle.SagaId, CancellationToken.None);
        _chain.Gate.Open();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Unwound>();
    }
}
