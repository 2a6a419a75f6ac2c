using System.Collections.Concurrent;
using Polly;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Status;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>The steps and deadlines of a process whose wall clock is set two hours forward or back. They are those of a clock that is left alone.</summary>
public sealed class SteppedClockTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly WatchedTimeProvider _time = new();
    private readonly InMemorySagaStore _store = new();
    private readonly ConcurrentQueue<string> _calls = new();
    private readonly Gate _gate = new();

    public static TheoryData<int> Hours => [0, 2, -2];

    [Theory]
    [MemberData(nameof(Hours))]
    public async Task A_deadline_counts_the_time_that_was_left_when_the_run_began(int hours)
    {
        TestSaga saga = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], time: _time);
        DateTimeOffset deadline = _time.GetUtcNow() + TimeSpan.FromMinutes(10);
        SagaHandle handle = await process.Client.StartAsync(saga, "", new SagaStartOptions { Deadline = deadline });
        await _gate.ArrivalAsync();

        _time.StepWallClock(TimeSpan.FromHours(hours));
        _time.Advance(TimeSpan.FromMinutes(10) - Second);
        process.Lines.Count(118).Should().Be(0, "a second is left");
        _time.Advance(2 * Second);

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Cancelled>().Which.By.Should().Be("deadline");
    }

    /// <summary>The caller computes the deadline from the clock that was set.</summary>
    [Theory]
    [MemberData(nameof(Hours))]
    public async Task A_deadline_of_a_later_saga_is_as_far_away_as_its_caller_meant(int hours)
    {
        TestSaga saga = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], time: _time);
        _time.StepWallClock(TimeSpan.FromHours(hours));
        SagaHandle handle = await process.Client.StartAsync(saga, "", new SagaStartOptions { Deadline = _time.GetUtcNow() + TimeSpan.FromMinutes(10) });
        await _gate.ArrivalAsync();

        _time.Advance(TimeSpan.FromMinutes(10) - Second);
        process.Lines.Count(118).Should().Be(0, "a second is left");
        _time.Advance(2 * Second);

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Cancelled>().Which.By.Should().Be("deadline");
    }

    [Theory]
    [MemberData(nameof(Hours))]
    public async Task A_failed_step_is_tried_again_after_its_delay(int hours)
    {
        var delay = TimeSpan.FromSeconds(30);
        var policy = new NodePolicy { Action = new StepPolicy { Delay = delay, MaxDelay = delay, UseJitter = false, BackoffType = DelayBackoffType.Constant } };
        var saga = new TestSaga("fails once", builder => builder.Node("call", policy, _ =>
        {
            _calls.Enqueue("call");
            return _calls.Count == 1 ? Task.FromException(new TimeoutException("no answer")) : Task.CompletedTask;
        }));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], time: _time);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await Eventually.HoldsAsync(() => _time.Pending.Contains(delay), "the step waited for its next attempt");
        StepInProgress step = process.Executor.FindRun(handle.SagaId)!.Steps.Single();
        (step.NextAttempt - step.Since).Should().Be(delay);

        _time.StepWallClock(TimeSpan.FromHours(hours));
        _time.Advance(delay - Second);
        _calls.Should().HaveCount(1);
        _time.Advance(Second);

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Theory]
    [MemberData(nameof(Hours))]
    public async Task An_attempt_ends_after_its_time_limit(int hours)
    {
        var limit = TimeSpan.FromSeconds(30);
        var policy = new NodePolicy { Action = StepPolicy.NoRetry with { Timeout = limit } };
        var saga = new TestSaga("slow", builder => builder.Node("call", policy, context => _gate.PassAsync(context.CancellationToken)));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], time: _time);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();

        _time.StepWallClock(TimeSpan.FromHours(hours));
        _time.Advance(limit - Second);
        process.Executor.FindRun(handle.SagaId)!.Steps.Should().ContainSingle();
        _time.Advance(Second);

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Unwound>();
    }
}
