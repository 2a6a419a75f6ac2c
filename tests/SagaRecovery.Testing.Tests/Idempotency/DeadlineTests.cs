using Microsoft.Extensions.Time.Testing;
using SagaRecovery.Testing.Idempotency;
using static SagaRecovery.Testing.Tests.Idempotency.World;

namespace SagaRecovery.Testing.Tests.Idempotency;

/// <summary>An action that does not end is named, and does not keep the check from ending.</summary>
public sealed class DeadlineTests
{
    private readonly World _world = new();
    private readonly FakeTimeProvider _time = new();
    private readonly TaskCompletionSource _hangs = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task An_action_that_hangs_is_named()
    {
        IdempotencyReport report = await HangingAsync(_world.Chain((saga, first) => saga.Node("bad", HangAsync, undo: null, after: first)));

        ShouldBeOf("bad", "action 'bad' did not finish by the deadline", report);
        report.Faults[0].Run.Should().Be("no fault was injected");
    }

    [Fact]
    public async Task An_action_that_heeds_no_token_does_not_keep_the_check()
    {
        IdempotencyReport report = await HangingAsync(_world.Chain((saga, first) => saga.Node("bad", HangIndefinitelyAsync, undo: null, after: first)));

        ShouldBeOf("bad", "action 'bad' did not finish by the deadline", report);

        Task HangIndefinitelyAsync(NodeContext<string> context)
        {
            _hangs.TrySetResult();
            return new TaskCompletionSource().Task;
        }
    }

    [Fact]
    public async Task An_undo_that_hangs_is_named()
    {
        IdempotencyReport report = await HangingAsync(_world.Chain((saga, first) => saga.Node("bad", Does(() => { }), HangAsync, first)));

        ShouldBeOf("bad", "undo of 'bad' did not finish by the deadline", report);
        report.Faults[0].Run.Should().Be("'last' failed");
    }

    [Fact]
    public async Task An_action_that_hangs_when_it_is_repeated_is_named_and_not_the_node_that_waits_to_fail()
    {
        int runs = 0;
        var saga = new WorldSaga(builder =>
        {
            builder.Node("beside", Does(() => { }));
            builder.Node("bad", context => ++runs < 6 ? Task.CompletedTask : HangAsync(context)); // 2 plain, 1, 2 twice; then "'beside' failed"
        });

        IdempotencyReport report = await HangingAsync(saga);

        ShouldBeOf("bad", "action 'bad' did not finish by the deadline", report);
        report.Faults[0].Run.Should().Be("'beside' failed");
    }

    [Fact]
    public async Task A_reset_that_hangs_is_named()
    {
        IdempotencyCheck<string> check = Check(new WorldSaga(saga => _world.Good(saga, "only"))) with
        {
            Reset = token =>
            {
                _hangs.TrySetResult();
                return Task.Delay(Timeout.Infinite, token);
            },
        };

        IdempotencyReport report = await AtDeadlineAsync(check.RunAsync());

        report.EndedEarly.Should().BeTrue();
        report.Faults.Should().ContainSingle().Which.Message.Should().Be("Reset did not finish by the deadline");
    }

    [Fact]
    public async Task A_check_whose_token_is_cancelled_ends_as_cancelled()
    {
        using var interrupted = new CancellationTokenSource();
        WorldSaga saga = _world.Chain((builder, first) => builder.Node("bad", HangAsync, undo: null, after: first));
        Task<IdempotencyReport> check = Check(saga).RunAsync(interrupted.Token);
        await _hangs.Task;

        await interrupted.CancelAsync();

        await check.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
    }

    private static void ShouldBeOf(string node, string message, IdempotencyReport report)
    {
        report.EndedEarly.Should().BeTrue();
        IdempotencyFault fault = report.Faults.Should().ContainSingle(report.ToString()).Which;
        fault.Kind.Should().Be(IdempotencyFaultKind.TimedOut);
        fault.Nodes.Should().Equal(node);
        fault.Message.Should().Be(message);
    }

    private Task<IdempotencyReport> HangingAsync(WorldSaga saga) => AtDeadlineAsync(Check(saga).RunAsync());

    private async Task<IdempotencyReport> AtDeadlineAsync(Task<IdempotencyReport> check)
    {
        await _hangs.Task.WaitAsync(TimeSpan.FromSeconds(30));
        _time.Advance(TimeSpan.FromSeconds(30));
        return await check.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private IdempotencyCheck<string> Check(WorldSaga saga) => _world.CheckOf(saga) with { Time = _time };

    private Task HangAsync(NodeContext<string> context)
    {
        _hangs.TrySetResult();
        return Task.Delay(Timeout.Infinite, context.CancellationToken);
    }
}
