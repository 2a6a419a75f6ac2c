using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

public sealed class LoopTests
{
    [Fact]
    public async Task A_pass_is_run_at_start_and_then_every_period()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => options.Period = TimeSpan.FromMinutes(7));
        host.Status.Current.LastPass!.Start.Reason.Should().Be(PassReason.Startup);

        await host.TimerSetAsync(TimeSpan.FromMinutes(7));
        host.Time.Advance(TimeSpan.FromMinutes(7));
        await host.PassesAsync(2);

        host.Status.Current.LastPass!.Start.Reason.Should().Be(PassReason.Periodic);
    }

    [Fact]
    public async Task A_failing_pass_does_not_end_the_loop_and_is_tried_again_sooner_than_the_period()
    {
        await using RecoveryHost host = RecoveryHost.Create(options => options.RetryDelay = TimeSpan.FromSeconds(2));
        SagaId saga = host.Store.Add();
        host.Store.BeforeJoin = () => throw new IOException("connection refused");
        await host.StartAsync();
        await host.PassesAsync(1);

        host.Status.Current.LastPass!.Result.Should().Be(PassResult.Failed);
        host.Status.Current.LastPass!.Error.Should().Contain("connection refused");
        host.Status.RenderText().Should().Contain("FAILED: connection refused").And.Contain("not joined yet");

        await host.TimerSetAsync(TimeSpan.FromSeconds(2));
        host.Time.Advance(TimeSpan.FromSeconds(2));
        await host.PassesAsync(2);
        await host.TimerSetAsync(TimeSpan.FromSeconds(4));
        host.Store.BeforeJoin = () => Task.CompletedTask;
        host.Time.Advance(TimeSpan.FromSeconds(4));
        await host.PassesAsync(3);

        host.Status.Current.LastPass!.Should().Match<PassReport>(pass => pass.Result == PassResult.Completed && pass.Recovered == 1);
        host.Executor.Calls.Should().Equal($"resume {saga}@1");
        host.Status.Current.Totals.FailedPasses.Should().Be(2);
    }

    [Fact]
    public async Task No_pass_is_due_for_a_held_saga_that_was_backing_off()
    {
        var controls = new ScriptedControls();
        var period = TimeSpan.FromMinutes(77);
        await using RecoveryHost host = RecoveryHost.Create(options => (options.FirstBackoff, options.Period, options.HoldAfterCrashes) = (TimeSpan.FromSeconds(8), period, 0), controls);
        SagaId saga = host.Store.Add();
        host.Executor.OnResume = (_, _) => Task.FromException<ResumeOutcome>(new IOException("not now"));
        await host.StartAsync();
        await host.PassesAsync(1);
        controls.Held = [new HeldSaga(saga, "held", host.Time.GetUtcNow(), new OperatorNote("ann", "as it is"))];

        (await host.ActivateAsync()).Held.Should().Be(1);

        await host.TimerSetAsync(period);
    }

    [Fact]
    public async Task Activating_again_and_again_while_the_database_is_away_does_not_put_the_retry_off()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => options.RetryDelay = TimeSpan.FromSeconds(2));
        host.Store.BeforeList = () => throw new IOException("away");
        for (int i = 0; i < 5; i++)
        {
            (await host.ActivateAsync()).Result.Should().Be(PassResult.Failed);
        }

        await host.TimerSetAsync(TimeSpan.FromSeconds(2));
        host.Store.BeforeList = () => Task.CompletedTask;
        host.Time.Advance(TimeSpan.FromSeconds(2));
        await host.PassesAsync(7);

        host.Status.Current.LastPass!.Should().Match<PassReport>(pass => pass.Start.Reason == PassReason.Retry && pass.Result == PassResult.Completed);
    }

    [Fact]
    public async Task A_listing_that_breaks_off_midway_resumes_nothing_and_takes_nothing_for_finished()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        List<SagaId> running = [.. Enumerable.Range(0, 10).Select(_ => host.Store.Add())];
        await host.ActivateAsync();
        host.Store.Add();
        host.Store.WhileListing = listed =>
        {
            if (listed == 5)
            {
                throw new IOException("the server closed the connection");
            }
        };

        PassReport broken = await host.ActivateAsync();
        host.Store.WhileListing = _ => { };
        PassReport whole = await host.ActivateAsync();

        broken.Should().Match<PassReport>(pass => pass.Result == PassResult.Failed && pass.Removed == 0 && pass.Recovered == 0);
        whole.Should().Match<PassReport>(pass => pass.Skipped == running.Count && pass.Recovered == 1 && pass.Removed == 0);
        host.Executor.Calls.Should().HaveCount(11).And.OnlyContain(call => call.StartsWith("resume"));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(11)]
    public async Task A_logger_that_throws_does_not_end_the_loop(int eventId)
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        SagaId saga = host.Store.Add();
        host.LogLines.ThrowOnce = eventId;
        host.Trigger.Activate();
        await Eventually.HoldsAsync(() => host.LogLines.ThrowOnce is null, "the logger had thrown");

        PassReport pass = await host.ActivateAsync();

        pass.Result.Should().Be(PassResult.Completed);
        (await host.ActivateAsync()).Skipped.Should().Be(1);
        host.Executor.Calls.Should().Contain($"resume {saga}@1");
    }

    [Fact]
    public async Task The_host_starts_while_the_database_does_not_answer()
    {
        var answer = new TaskCompletionSource();
        await using RecoveryHost host = RecoveryHost.Create();
        host.Store.BeforeJoin = () => answer.Task;

        await host.StartAsync().WaitAsync(TimeSpan.FromSeconds(30));

        await Eventually.HoldsAsync(() => host.Status.Current.CurrentPass is not null, "the first pass was under way");
        host.Status.RenderText().Should().Contain("currently executing: iter 1").And.Contain("none yet");
        answer.SetResult();
        await host.PassesAsync(1);
    }

    [Fact]
    public async Task However_often_it_is_activated_during_a_pass_one_more_pass_answers()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        (TaskCompletionSource entered, TaskCompletionSource go) = HoldListing(host);

        host.Trigger.Activate();
        await entered.Task;
        for (int i = 0; i < 1_000; i++)
        {
            host.Trigger.Activate();
        }

        go.SetResult();
        await host.PassesAsync(3);
        (await host.ActivateAsync()).Start.Iteration.Should().Be(4, "the thousand activations were one pass");
    }

    [Fact]
    public async Task Activating_and_waiting_gives_the_report_of_a_pass_that_began_afterwards()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        (TaskCompletionSource entered, TaskCompletionSource go) = HoldListing(host);
        Task<PassReport> first = host.Trigger.ActivateAsync();
        await entered.Task;

        Task<PassReport> second = host.Trigger.ActivateAsync();
        Task<PassReport> third = host.Trigger.ActivateAsync();
        go.SetResult();

        (await first).Start.Iteration.Should().Be(2);
        (await second).Start.Iteration.Should().Be(3);
        (await third).Should().BeSameAs(await second);
    }

    [Fact]
    public async Task A_wait_for_a_pass_that_shutdown_prevents_fails()
    {
        RecoveryHost host = await RecoveryHost.StartAsync();
        (TaskCompletionSource entered, _) = HoldListing(host);
        Task<PassReport> inFlight = host.Trigger.ActivateAsync();
        await entered.Task;
        Task<PassReport> never = host.Trigger.ActivateAsync();

        await host.StopAsync();

        (await inFlight).Result.Should().Be(PassResult.CutShort);
        await FluentActions.Awaiting(() => never).Should().ThrowAsync<OperationCanceledException>();
        await FluentActions.Awaiting(() => host.Trigger.ActivateAsync()).Should().ThrowAsync<InvalidOperationException>();
        host.Trigger.Activate(); // harmless
        await host.DisposeAsync();
    }

    [Fact]
    public async Task A_wait_for_a_loop_that_stops_before_it_began_fails()
    {
        await using RecoveryHost host = RecoveryHost.Create();
        await host.Loop.StartAsync(new CancellationToken(canceled: true)); // as if no thread had been free for the loop before the stop
        Task<PassReport> never = host.Trigger.ActivateAsync();

        await host.Loop.StopAsync(CancellationToken.None);

        await FluentActions.Awaiting(() => never.WaitAsync(TimeSpan.FromSeconds(30))).Should().ThrowAsync<OperationCanceledException>();
        await FluentActions.Awaiting(() => host.Trigger.ActivateAsync()).Should().ThrowAsync<InvalidOperationException>();
    }

    [Fact]
    public async Task Too_many_unread_starts_wake_a_pass()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => options.MaxUnreadStarts = 3);
        List<SagaStart> starts = [.. Enumerable.Range(0, 3).Select(_ => host.Starts.Announce(new SagaId(Guid.NewGuid())))];

        await host.PassesAsync(2);

        host.Status.Current.LastPass!.Start.Reason.Should().Be(PassReason.UnreadStarts);
        host.Status.Current.Totals.ObservedStarts.Should().Be(3);
        host.Starts.Unread.Should().Be(0);
        starts.ForEach(start => start.Dispose());
    }

    [Fact]
    public async Task A_withdrawn_start_whose_row_landed_is_recovered_soon_and_many_are_one_pass()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        for (int i = 0; i < 5; i++)
        {
            host.Starts.Announce(host.Store.Add()).Dispose(); // inserted, but the answer was lost
        }

        await host.TimerSetAsync(TimeSpan.FromSeconds(1));
        host.Time.Advance(TimeSpan.FromSeconds(1));
        await host.PassesAsync(2);

        host.Status.Current.LastPass!.Should().Match<PassReport>(pass => pass.Start.Reason == PassReason.WithdrawnStart && pass.Recovered == 5);
        host.Time.Pending.Should().NotContain(TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task While_the_database_is_away_failing_starts_request_no_passes_of_their_own()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => options.RetryDelay = TimeSpan.FromSeconds(30));
        host.Store.BeforeList = () => throw new IOException("away");
        await host.ActivateAsync();
        await host.TimerSetAsync(TimeSpan.FromSeconds(30));
        host.Starts.Announce(host.Store.Add()).Dispose();
        await host.TimerSetAsync(TimeSpan.FromSeconds(1));

        host.Time.Advance(TimeSpan.FromSeconds(1));
        host.Store.BeforeList = () => Task.CompletedTask;
        await host.TimerSetAsync(TimeSpan.FromSeconds(29));
        host.Time.Advance(TimeSpan.FromSeconds(29));
        await host.PassesAsync(3);

        host.Status.Current.LastPass!.Should().Match<PassReport>(pass => pass.Start.Reason == PassReason.Retry && pass.Start.Iteration == 3 && pass.Recovered == 1);
    }

    [Fact]
    public async Task A_start_after_shutdown_began_is_refused_and_nothing_is_announced()
    {
        RecoveryHost host = await RecoveryHost.StartAsync();
        await host.StopAsync();

        FluentActions.Invoking(() => host.Starts.Announce(new SagaId(Guid.NewGuid())))
            .Should().Throw<InvalidOperationException>().WithMessage("*shutting down*");
        host.Starts.Unread.Should().Be(0);
        await host.DisposeAsync();
    }

    private static (TaskCompletionSource Entered, TaskCompletionSource Go) HoldListing(RecoveryHost host)
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Store.BeforeList = () =>
        {
            host.Store.BeforeList = () => Task.CompletedTask;
            entered.SetResult();
            return go.Task;
        };
        return (entered, go);
    }
}
