using Microsoft.Extensions.Logging;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>A store with contents of a version that this process cannot work with.</summary>
public sealed class IncompatibleStoreTests
{
    private const int RefusedEvent = 66;

    [Fact]
    public async Task Callers_that_wait_and_later_ones_get_the_refusal_and_a_later_attempt_joins_without_a_restart()
    {
        await using RecoveryHost host = RecoveryHost.Create();
        var answer = new TaskCompletionSource();
        host.Store.BeforeJoin = () => answer.Task;
        await host.StartAsync();
        Task<Membership> early = host.Coordinator.JoinedAsync(CancellationToken.None);
        Task<string> longWait = host.Coordinator.WhileCompatibleAsync(NeverAsync, CancellationToken.None);
        host.Coordinator.ThrowIfIncompatible(); // no attempt has been answered yet
        early.IsCompleted.Should().BeFalse();

        answer.SetException(new IncompatibleStoreException("the tables are too new: deploy a newer package"));
        await host.PassesAsync(1);

        foreach (Func<Task> call in (Func<Task>[])[() => early, () => longWait, () => host.Coordinator.JoinedAsync(CancellationToken.None), () => host.Coordinator.WhileCompatibleAsync(NeverAsync, CancellationToken.None)])
        {
            (await FluentActions.Awaiting(() => call().WaitAsync(TimeSpan.FromSeconds(30))).Should().ThrowAsync<IncompatibleStoreException>()).WithMessage("*too new*");
        }

        host.Store.BeforeJoin = () => Task.CompletedTask;
        (await host.ActivateAsync()).Result.Should().Be(PassResult.Completed);
        Membership member = await host.Coordinator.JoinedAsync(CancellationToken.None);
        (await host.Coordinator.WhileCompatibleAsync(_ => Task.FromResult("read"), CancellationToken.None)).Should().Be("read");
        host.Status.Current.Coordinator.Should().Match<CoordinatorStatus>(status => status.Incompatible == null && status.Incarnation == member.Incarnation);
    }

    [Fact]
    public async Task Each_reason_is_logged_at_once_and_not_again_with_every_retry()
    {
        await using RecoveryHost host = RecoveryHost.Create();
        host.Store.BeforeJoin = () => throw new IncompatibleStoreException("version 9");
        await host.StartAsync();
        await host.PassesAsync(1);
        await host.ActivateAsync();
        await host.ActivateAsync();

        host.LogLines.Lines.Where(line => line.EventId == RefusedEvent).Should().ContainSingle().Which.Should().Match<(int, LogLevel Level, string Message)>(
            line => line.Level == LogLevel.Critical && line.Message.EndsWith("version 9"));
        host.LogLines.Lines.Where(line => line.EventId == 12).Should().HaveCount(3).And.OnlyContain(line => !line.Message.Contains("version 9"));
        host.Status.Current.LastPass!.Error.Should().Be("version 9");
        host.Status.RenderText().Should().Contain("INCOMPATIBLE STORE: version 9");

        host.Store.BeforeJoin = () => throw new IncompatibleStoreException("version 10");
        await host.ActivateAsync();
        host.LogLines.Count(RefusedEvent).Should().Be(2);
        await FluentActions.Awaiting(() => host.Coordinator.JoinedAsync(CancellationToken.None)).Should().ThrowAsync<IncompatibleStoreException>().WithMessage("version 10");
    }

    [Fact]
    public async Task A_store_that_does_not_answer_after_a_refusal_leaves_the_refusal_as_it_is()
    {
        await using RecoveryHost host = RecoveryHost.Create();
        host.Store.BeforeJoin = () => throw new IncompatibleStoreException("version 9");
        await host.StartAsync();
        await host.PassesAsync(1);
        host.Store.BeforeJoin = () => throw new IOException("no route to the database");
        await host.ActivateAsync();

        await FluentActions.Awaiting(() => host.Coordinator.JoinedAsync(CancellationToken.None)).Should().ThrowAsync<IncompatibleStoreException>();
        host.Status.Current.LastPass!.Error.Should().Contain("no route");
    }

    private static async Task<string> NeverAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        return "";
    }
}
