using Microsoft.Extensions.Time.Testing;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Fencing;
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
        SagaHandle handle = await process.Client.StartAsync(hanging, "");
        await _gate.ArrivalAsync();
        SagaHandle waiting = await process.Client.StartAsync(other, "");
        await process.Executor.RelinquishAsync(handle.SagaId, AdoptGeneration.Initial, CancellationToken.None);

        _time.Advance(s_limit);

        (await waiting.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        process.Lines.Text(120).Should().Contain("the action of node 'hang'");
        handle.Completion.IsCompleted.Should().BeFalse();
        _gate.Open();
        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
    }

    [Fact]
    public async Task The_next_run_of_its_saga_ends_without_a_step_and_one_after_its_end_continues()
    {
        TestSaga hanging = Hanging();
        await using TestProcess process = await StartAsync(_ => { }, hanging);
        SagaHandle handle = await process.Client.StartAsync(hanging, "");
        await _gate.ArrivalAsync();
        _store.Reassign(handle.SagaId, TestProcess.Me);

        (await process.ResumeAsync(handle.SagaId)).Should().Be(ResumeOutcome.Resumed.Instance);
        Task<SagaResult> second = process.Client.Find(handle.SagaId)!.Completion;
        await AdvanceUntilAsync(second);
        (await second).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Contain("has a step that does not end");
        process.ReadInbox().Should().Contain(message => message.Kind == StartMessageKind.Interrupted);

        (await process.ResumeAsync(handle.SagaId)).Should().Be(ResumeOutcome.Resumed.Instance);
        Task<SagaResult> third = process.Client.Find(handle.SagaId)!.Completion;
        _gate.Open();
        (await third.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_shutdown_waits_for_it_no_longer_than_the_limit()
    {
        TestSaga hanging = Hanging();
        await using TestProcess process = await StartAsync(_ => { }, hanging);
        await process.Client.StartAsync(hanging, "");
        await _gate.ArrivalAsync();

        Task stopped = process.StopAsync();
        await AdvanceUntilAsync(stopped);

        await stopped;
        process.Lines.Count(112).Should().Be(1);
        process.Lines.Count(120).Should().Be(1);
    }

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
