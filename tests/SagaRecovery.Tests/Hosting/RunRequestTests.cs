using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>Requests of a pass to an executor that does not answer: to relinquish, to cancel, to stop.</summary>
public sealed class RunRequestTests
{
    private const int Sagas = 100;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly ScriptedControls _controls = new();

    [Fact]
    public async Task A_hundred_sagas_that_are_not_relinquished_delay_a_pass_by_one_time_out()
    {
        await using RecoveryHost host = await StartWithUnlistedAsync();
        host.Executor.OnRelinquish = _ => Never<RelinquishOutcome>();
        host.Store.Add();
        long passes = host.Status.Current.Totals.Passes;

        Task<PassReport> pass = host.ActivateAsync();
        await TimeOutAsync(host);

        (await pass).Should().Match<PassReport>(p => p.Recovered == 1 && p.Removed == 0 && p.NotRelinquished == Sagas && p.Result == PassResult.Completed);
        host.Status.Current.Totals.Passes.Should().Be(passes + 1);
        host.Status.Current.Tracked.Should().Be(Sagas + 1);
        host.Status.RenderText().Should().Contain("not relinquished: 100");
        (host.LogLines.Count(26), host.LogLines.Count(74)).Should().Be((0, 1));
        host.LogLines.Lines.Single(line => line.EventId == 74).Message.Should().Contain("100 of 100 sagas").And.Contain("SagaRecovery:ResumeTimeout");
    }

    [Fact]
    public async Task What_was_not_relinquished_is_tried_at_the_next_pass()
    {
        await using RecoveryHost host = await StartWithUnlistedAsync();
        host.Executor.OnRelinquish = _ => Never<RelinquishOutcome>();
        Task<PassReport> pass = host.ActivateAsync();
        await TimeOutAsync(host);
        await pass;
        host.Executor.OnRelinquish = _ => Task.FromResult(RelinquishOutcome.NotRunning);

        (await host.ActivateAsync()).Should().Match<PassReport>(p => p.Removed == Sagas && p.NotRelinquished == 0);
        host.Status.Current.Tracked.Should().Be(0);
        host.LogLines.Count(10).Should().Be(Sagas);
    }

    [Fact]
    public async Task A_saga_without_an_answer_keeps_the_others_waiting_once()
    {
        await using RecoveryHost host = await StartWithUnlistedAsync(maxConcurrency: 1);
        SagaId? silent = null;
        host.Executor.OnRelinquish = saga => saga == (silent ??= saga) ? Never<RelinquishOutcome>() : Task.FromResult(RelinquishOutcome.NotRunning);
        Task<PassReport> first = host.ActivateAsync();
        await TimeOutAsync(host);
        (await first).NotRelinquished.Should().Be(Sagas, "the first was silent, and one is asked at a time");

        Task<PassReport> second = host.ActivateAsync();
        await Eventually.HoldsAsync(() => host.Executor.Calls.Count(call => call.StartsWith($"relinquish {silent}", StringComparison.Ordinal)) == 2, "it was asked again");
        await TimeOutAsync(host);

        (await second).NotRelinquished.Should().Be(1);
    }

    [Fact]
    public async Task An_executor_that_blocks_the_calling_thread_delays_a_pass_by_one_time_out()
    {
        await using RecoveryHost host = await StartWithUnlistedAsync(maxConcurrency: 2);
        using var unblock = new ManualResetEventSlim();
        host.Executor.OnRelinquish = _ =>
        {
            unblock.Wait();
            return Task.FromResult(RelinquishOutcome.NotRunning);
        };

        Task<PassReport> pass = host.ActivateAsync();
        await TimeOutAsync(host);

        (await pass).NotRelinquished.Should().Be(Sagas);
        unblock.Set();
    }

    [Fact]
    public async Task A_failed_request_of_one_saga_has_a_line_of_its_own()
    {
        await using RecoveryHost host = await StartWithUnlistedAsync();
        SagaId failing = host.Status.Current.RecentlyRecovered[7].SagaId;
        host.Executor.OnRelinquish = saga => saga == failing ? throw new IOException("no") : Task.FromResult(RelinquishOutcome.Relinquished);

        (await host.ActivateAsync()).Should().Match<PassReport>(p => p.Removed == Sagas - 1 && p.Reassigned == Sagas - 1 && p.NotRelinquished == 1);

        (host.LogLines.Count(14), host.LogLines.Count(26), host.LogLines.Count(74)).Should().Be((Sagas - 1, 1, 0));
    }

    [Fact]
    public async Task A_shutdown_waits_for_no_answer()
    {
        RecoveryHost host = await StartWithUnlistedAsync();
        await using (host)
        {
            Task<PassReport> pass = await ActivateSilentlyAsync(host);

            await host.StopAsync().WaitAsync(TimeSpan.FromSeconds(20)); // the clock does not advance

            (await pass).NotRelinquished.Should().Be(Sagas);
            (host.LogLines.Count(26), host.LogLines.Count(74)).Should().Be((0, 0));
        }
    }

    [Fact]
    public async Task A_fenced_process_waits_for_no_answer()
    {
        await using RecoveryHost host = await StartWithUnlistedAsync();
        Task<PassReport> pass = await ActivateSilentlyAsync(host);
        Membership member = await host.Coordinator.JoinedAsync(CancellationToken.None);

        host.Coordinator.ReportFenced(new CoordinatorFencedException(member, new Incarnation(member.Incarnation.Value + 1)));

        (await pass).NotRelinquished.Should().Be(Sagas);
    }

    [Fact]
    public async Task Requests_to_cancel_and_to_stop_share_the_time_out()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(Configure(), _controls);
        List<SagaId> sagas = [.. Enumerable.Range(0, Sagas).Select(_ => host.Store.Add())];
        await host.ActivateAsync();
        host.Executor.OnRequest = _ => Never<bool>();
        var note = new OperatorNote("ann", "stop");
        _controls.Cancelled = [.. sagas[..50].Select(saga => (saga, new SagaCancellation(host.Time.GetUtcNow(), note)))];
        _controls.Held = [.. sagas[50..].Select(saga => new HeldSaga(saga, "scripted", host.Time.GetUtcNow(), note) { StopsRun = true })];
        host.Store.Add();

        Task<PassReport> pass = host.ActivateAsync();
        await TimeOutAsync(host);

        (await pass).Should().Match<PassReport>(p => p.Recovered == 1 && p.Skipped == Sagas);
        (host.LogLines.Count(53), host.LogLines.Count(75)).Should().Be((0, 1));
        host.LogLines.Lines.Single(line => line.EventId == 75).Message.Should().Contain("100 of 100 sagas");
    }

    [Fact]
    public async Task Requests_to_cancel_and_to_stop_reach_the_executor()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(Configure(), _controls);
        (SagaId cancelled, SagaId held) = (host.Store.Add(), host.Store.Add());
        await host.ActivateAsync();
        var note = new OperatorNote("ann", "stop");
        _controls.Cancelled = [(cancelled, new SagaCancellation(host.Time.GetUtcNow(), note))];
        _controls.Held = [new HeldSaga(held, "scripted", host.Time.GetUtcNow(), note) { StopsRun = true }];

        await host.ActivateAsync();

        host.Executor.Calls.Should().Contain([$"cancel {cancelled}", $"suspend {held}"]);
    }

    [Fact]
    public async Task No_request_to_cancel_a_saga_that_waits_for_a_slot_is_sent()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(Configure(), _controls);
        SagaId runs = host.Store.Add();
        await host.ActivateAsync();
        host.Executor.Capacity = ExecutorCapacity.None;
        SagaId waits = host.Store.Add();
        var cancellation = new SagaCancellation(host.Time.GetUtcNow(), new OperatorNote("ann", "stop"));
        _controls.Cancelled = [(runs, cancellation), (waits, cancellation)];

        (await host.ActivateAsync()).WaitingForSlot.Should().Be(1);

        host.Executor.Calls.Should().Contain($"cancel {runs}").And.NotContain($"cancel {waits}", "it is loaded with the cancellation when its turn comes");
    }

    private static Action<SagaRecoveryOptions> Configure(int maxConcurrency = 16) => options =>
        (options.ResumeTimeout, options.MaxConcurrency, options.HoldAfterCrashes) = (Timeout, maxConcurrency, 0);

    private static Task<T> Never<T>() => new TaskCompletionSource<T>().Task;

    /// <summary>Waits for the time-out to be set, and lets it pass.</summary>
    private static async Task TimeOutAsync(RecoveryHost host)
    {
        await host.TimerSetAsync(Timeout);
        host.Time.Advance(Timeout);
    }

    private static async Task<Task<PassReport>> ActivateSilentlyAsync(RecoveryHost host)
    {
        host.Executor.OnRelinquish = _ => Never<RelinquishOutcome>();
        Task<PassReport> pass = host.ActivateAsync();
        await Eventually.HoldsAsync(() => host.Executor.Calls.Any(call => call.StartsWith("relinquish", StringComparison.Ordinal)), "the executor was asked");
        return pass;
    }

    private async Task<RecoveryHost> StartWithUnlistedAsync(int maxConcurrency = 16)
    {
        RecoveryHost host = await RecoveryHost.StartAsync(Configure(maxConcurrency), _controls);
        for (int i = 0; i < Sagas; i++)
        {
            host.Store.Add();
        }

        (await host.ActivateAsync()).Recovered.Should().Be(Sagas);
        host.Store.Sagas.Clear();
        return host;
    }
}
