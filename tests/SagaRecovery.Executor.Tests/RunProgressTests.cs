using Polly;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Status;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>The account of a run and its steps for operators.</summary>
public sealed class RunProgressTests
{
    private static readonly NodePolicy s_patient = new()
    {
        Action = new StepPolicy { Delay = TimeSpan.FromHours(1), MaxDelay = TimeSpan.FromHours(1), UseJitter = false },
    };
    private readonly InMemorySagaStore _store = new();
    private readonly Gate _gate = new();

    [Fact]
    public async Task A_running_action_is_listed_with_its_attempt_and_without_an_error()
    {
        TestSaga gated = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [gated]);
        DateTimeOffset before = TimeProvider.System.GetUtcNow();
        SagaId saga = (await process.Client.StartAsync(gated, "")).SagaId;
        await _gate.ArrivalAsync();

        SagaRunProgress run = process.Executor.FindRun(saga)!;

        (run.SagaId, run.Name, run.Phase).Should().Be((saga, "gated", RunPhase.Running));
        StepInProgress step = run.Steps.Should().ContainSingle().Which;
        step.Should().Match<StepInProgress>(one =>
            one.Node == "only" && !one.IsUndo && one.Attempt == 1 && one.LastError == null && one.NextAttempt == null && !one.IsRetrying);
        step.Since.Should().BeOnOrAfter(before).And.BeOnOrBefore(step.AttemptSince!.Value);
        process.Executor.GetRunsInProgress().Should().ContainSingle().Which.SagaId.Should().Be(saga);
        process.Executor.FindRun(SagaId.NewAt(before)).Should().BeNull();
    }

    [Fact]
    public async Task A_step_that_waits_for_its_next_attempt_is_listed_with_its_error_and_that_time()
    {
        var saga = new TestSaga("waiting", builder => builder.Node("call", s_patient, _ => Task.FromException(new TimeoutException("no answer"))));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await Eventually.HoldsAsync(() => process.Lines.Count(115) == 1, "the step waits for its next attempt");

        StepInProgress step = process.Executor.FindRun(handle.SagaId)!.Steps.Single();

        step.Should().Match<StepInProgress>(one => one.Attempt == 1 && one.IsRetrying && one.LastError == "TimeoutException: no answer" && one.AttemptSince == null);
        step.NextAttempt.Should().BeAfter(step.Since.AddMinutes(30));
        step.Describe(step.NextAttempt!.Value.AddMinutes(-5)).Should().Be(
            "action of call, attempt 1 failed, the next in 5m; last error: TimeoutException: no answer");
    }

    [Fact]
    public async Task An_attempt_that_the_pipeline_no_longer_waits_for_says_nothing_about_the_next_step()
    {
        var left = new Gate();
        var impatient = new LeavingStrategy();
        ResiliencePipeline pipeline = new ResiliencePipelineBuilder().AddStrategy(_ => impatient, new LeavingOptions()).Build();
        var saga = new TestSaga("leaving", builder =>
        {
            SagaNode first = builder.Node("first", new NodePolicy { Action = new StepPolicy { Pipeline = pipeline } }, async _ =>
            {
                await left.PassAsync();
                throw new IOException("late");
            });
            builder.Node("second", context => _gate.PassAsync(context.CancellationToken), after: first);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();

        left.Open();
        await impatient.Left.Soon();

        process.Executor.FindRun(handle.SagaId)!.Steps.Should().ContainSingle()
            .Which.Should().Match<StepInProgress>(step => step.Node == "second" && step.Attempt == 1 && step.LastError == null && step.AttemptSince != null);
    }

    [Fact]
    public async Task An_undo_that_is_retried_counts_its_attempts()
    {
        var undo = new NodePolicy { Undo = new StepPolicy { Delay = TimeSpan.FromMilliseconds(1), MaxDelay = TimeSpan.FromMilliseconds(1), UseJitter = false } };
        var saga = new TestSaga("unwinding", builder =>
        {
            SagaNode paid = builder.Node(
                "pay",
                undo,
                _ => Task.CompletedTask,
                undo: context => context.Attempt < 3 ? Task.FromException(new IOException("closed")) : _gate.PassAsync(context.CancellationToken));
            builder.Node("ship", _ => Task.FromException(new SagaActionException("lost", "lost")), undo: null, paid);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();

        StepInProgress step = process.Executor.FindRun(handle.SagaId)!.Steps.Single();

        step.Should().Match<StepInProgress>(one =>
            one.Node == "pay" && one.IsUndo && one.Attempt == 3 && one.LastError == "IOException: closed" && one.AttemptSince != null && one.NextAttempt == null);
        step.Describe(step.AttemptSince!.Value.AddMinutes(3)).Should().Be("undo of pay, attempt 3 running for 3m; last error: IOException: closed");
    }

    [Fact]
    public async Task A_run_beyond_the_limit_waits_for_a_slot_and_names_the_limit()
    {
        TestSaga gated = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [gated], configure: options => options.MaxRunningSagas = 1);
        SagaHandle first = await process.Client.StartAsync(gated, "");
        await _gate.ArrivalAsync();
        SagaHandle second = await process.Client.StartAsync(gated, "");

        process.Executor.FindRun(second.SagaId).Should().BeEquivalentTo(
            new SagaRunProgress(second.SagaId, "gated", RunPhase.WaitingForSlot, [])
            {
                Limit = "SagaRecovery:Executor:MaxRunningSagas = 1",
                LongestRunning = first.SagaId,
                Slots = new SlotUse(Running: 1, Limit: 1),
            });
        process.Executor.GetRunsInProgress().Should().ContainSingle("only runs with steps are listed");
    }

    [Fact]
    public async Task A_run_waits_for_the_previous_run_of_its_saga()
    {
        var stubborn = new TestSaga("stubborn", builder => builder.Node("only", _ => _gate.PassAsync(CancellationToken.None))); // ignores its cancellation
        await using TestProcess process = await TestProcess.StartAsync(_store, [stubborn]);
        SagaHandle first = await process.Client.StartAsync(stubborn, "");
        await _gate.ArrivalAsync();
        _store.Reassign(first.SagaId, TestProcess.Me);

        await process.ResumeAsync(first.SagaId);

        SagaRunProgress run = process.Executor.FindRun(first.SagaId)!;
        (run.Phase, run.Steps.Count).Should().Be((RunPhase.WaitingForPreviousRun, 0));
        process.Executor.GetRunsInProgress().Should().ContainSingle("the previous run still has its step").Which.Steps.Single().Node.Should().Be("only");
        _gate.Open();
        await Eventually.HoldsAsync(() => process.Executor.FindRun(first.SagaId)?.Phase is null or RunPhase.Running, "the previous run had ended");
    }

    /// <summary>Takes an attempt for a success as soon as it has begun, and leaves it behind.</summary>
    private sealed class LeavingStrategy : ResilienceStrategy
    {
        private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>A task that completes when the attempt that was left behind has ended.</summary>
        public Task Left => _left.Task;

        protected override ValueTask<Outcome<TResult>> ExecuteCore<TResult, TState>(
            Func<ResilienceContext, TState, ValueTask<Outcome<TResult>>> callback, ResilienceContext context, TState state)
        {
            _ = callback(context, state).AsTask().ContinueWith(_ => _left.SetResult(), TaskScheduler.Default);
            return new(Outcome.FromResult<TResult>(default!));
        }
    }

    private sealed class LeavingOptions : ResilienceStrategyOptions;
}
