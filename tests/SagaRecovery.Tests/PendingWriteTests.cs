using SagaRecovery.Storage;

namespace SagaRecovery.Tests;

/// <summary>The object with which one writer waits for the answers to its items, one after the other.</summary>
public sealed class PendingWriteTests : IDisposable
{
    private readonly PendingWrite<string, int, string> _pending = new();
    private readonly CancellationTokenSource _lost = new();

    public void Dispose() => _lost.Dispose();

    [Fact]
    public async Task It_is_used_for_one_item_after_the_other()
    {
        for (int item = 1; item <= 3; item++)
        {
            ValueTask<string> answer = _pending.Begin("a", item);
            (_pending.IsPending, _pending.Item, answer.IsCompleted).Should().Be((true, item, false));

            _pending.Answer($"wrote {item}");

            (await answer).Should().Be($"wrote {item}");
            _pending.IsPending.Should().BeFalse();
        }
    }

    [Fact]
    public async Task A_failure_is_thrown_and_the_next_item_may_succeed()
    {
        ValueTask<string> first = _pending.Begin("a", 1);
        _pending.Fail(new IOException("refused"));
        await first.AsTask().Awaiting(wait => wait).Should().ThrowAsync<IOException>();

        ValueTask<string> second = _pending.Begin("a", 2);
        _pending.Answer("wrote 2");
        (await second).Should().Be("wrote 2");
    }

    [Fact]
    public async Task A_cancelled_wait_ends_at_once_and_ignores_the_answer_that_comes_later()
    {
        ValueTask<string> answer = _pending.Begin("a", 1);

        _pending.Cancel(_lost.Token);
        _pending.Answer("wrote 1");

        (await answer.AsTask().Awaiting(wait => wait).Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(_lost.Token);
        _pending.Item.Should().Be(1, "the item may still be in a group");
    }

    [Fact]
    public void No_wait_begins_after_a_cancellation()
    {
        _pending.Cancel(_lost.Token);

        Func<ValueTask<string>> begin = () => _pending.Begin("a", 1);

        begin.Should().Throw<OperationCanceledException>();
        _pending.IsPending.Should().BeFalse();
    }

    [Fact]
    public async Task Whatever_comes_first_ends_the_wait_once()
    {
        for (int round = 0; round < 2_000; round++)
        {
            var pending = new PendingWrite<string, int, string>();
            Task cancelling = Task.Run(() => pending.Cancel(_lost.Token));
            Task answering = Task.CompletedTask;
            try
            {
                ValueTask<string> answer = pending.Begin("a", round);
                answering = Task.Run(() => pending.Answer("written"));
                (await answer).Should().Be("written");
            }
            catch (OperationCanceledException cancelled)
            {
                cancelled.CancellationToken.Should().Be(_lost.Token);
            }

            await Task.WhenAll(cancelling, answering);
        }
    }
}
