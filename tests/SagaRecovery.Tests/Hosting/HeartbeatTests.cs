using Microsoft.Extensions.Logging;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>The reactions to notifications between passes, and to heartbeats that are late.</summary>
public sealed class HeartbeatTests
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CheckPeriod = TimeSpan.FromSeconds(61);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(30);

    private readonly ScriptedControls _controls = new();

    [Fact]
    public async Task Stalled_sagas_are_not_searched_for_before_the_first_pass_is_over()
    {
        var listing = new TaskCompletionSource();
        await using RecoveryHost host = RecoveryHost.Create(options => options.StalledCheckPeriod = CheckPeriod, _controls);
        host.Store.BeforeList = () => listing.Task;
        await host.StartAsync();
        await host.TimerSetAsync(CheckPeriod);

        _controls.Observations.Should().Be(0);
        listing.SetResult();
        await Eventually.HoldsAsync(() => _controls.Observations == 1, "stalled sagas were searched for once the pass was over");
    }

    [Fact]
    public async Task A_long_first_pass_does_not_delay_the_search_for_stalled_sagas()
    {
        await using RecoveryHost host = RecoveryHost.Create(options => options.StalledCheckPeriod = CheckPeriod, _controls);
        host.Store.BeforeList = () => Task.Delay(Timeout.Infinite);
        await host.StartAsync();
        await host.TimerSetAsync(CheckPeriod);

        host.Time.Advance(CheckPeriod);

        await Eventually.HoldsAsync(() => _controls.Observations == 1, "stalled sagas were searched for during the pass");
        host.Status.Current.Totals.Passes.Should().Be(0);
    }

    [Fact]
    public async Task A_hint_runs_a_pass_at_once()
    {
        await using RecoveryHost host = await StartAsync();
        host.Store.Add();

        _controls.Hint();
        await host.PassesAsync(2);

        host.Status.Current.LastPass!.Should().Match<PassReport>(pass => pass.Start.Reason == PassReason.Hint && pass.Recovered == 1);
        host.Status.RenderText().Should().Contain("triggered by a hint from the database");
    }

    [Fact]
    public async Task A_listener_connection_opened_after_an_outage_runs_the_pass_that_would_be_due_later()
    {
        await using RecoveryHost host = await StartAsync();
        host.Store.BeforeList = () => throw new IOException("away");
        (await host.ActivateAsync()).Result.Should().Be(PassResult.Failed);
        host.Store.BeforeList = () => Task.CompletedTask;

        await ReconnectAsync(host);
        await host.PassesAsync(3);

        host.Status.Current.LastPass!.Should().Match<PassReport>(pass => pass.Start.Reason == PassReason.Retry && pass.Result == PassResult.Completed);
    }

    [Fact]
    public async Task A_reopened_listener_connection_runs_a_pass_if_sagas_were_assigned_meanwhile()
    {
        await using RecoveryHost host = await StartAsync();
        _controls.Assigned = _controls.AssignedAsRead = 3;

        await ReconnectAsync(host);
        await host.PassesAsync(2);
        host.Status.Current.LastPass!.Start.Reason.Should().Be(PassReason.Hint);
        await ReconnectAsync(host);
        await host.ActivateAsync();

        host.Status.Current.Totals.Passes.Should().Be(3, "nothing was assigned the second time");
    }

    [Fact]
    public async Task A_pass_that_has_tried_every_assigned_saga_reports_that_it_caught_up()
    {
        await using RecoveryHost host = await StartAsync();
        SagaId bad = host.Store.Add();
        host.Store.Add();
        host.Executor.OnResume = (saga, _) => saga.Id == bad ? throw new IOException("no") : Task.FromResult<ResumeOutcome>(ResumeOutcome.Resumed.Instance);
        _controls.AssignedAsRead = 7;

        await host.ActivateAsync();
        await host.ActivateAsync();

        _controls.CaughtUp.Should().Equal((7, 1));
    }

    [Fact]
    public async Task A_pass_that_fails_has_not_caught_up()
    {
        await using RecoveryHost host = await StartAsync();
        host.Store.Add();
        _controls.AssignedAsRead = 7;
        host.Store.BeforeLoad = _ => throw new IOException("away");

        (await host.ActivateAsync()).Result.Should().Be(PassResult.Failed);
        _controls.CaughtUp.Should().BeEmpty();

        host.Store.BeforeLoad = _ => Task.CompletedTask;
        await host.ActivateAsync();
        _controls.CaughtUp.Should().Equal((7, 0));
    }

    [Fact]
    public async Task Heartbeats_are_late_after_two_periods_without_one_and_that_is_logged_once_and_when_it_ends()
    {
        await using RecoveryHost host = await StartAsync();
        _controls.Written();
        host.Status.Current.Heartbeat!.Should().Match<HeartbeatReport>(heartbeat => heartbeat.LastWritten == host.Time.GetUtcNow() && heartbeat.LateSince == null);
        DateTimeOffset last = host.Time.GetUtcNow();

        host.Time.Advance(1.9 * Heartbeat);
        host.Status.Current.Heartbeat!.LateSince.Should().BeNull();
        host.Time.Advance(0.1 * Heartbeat);
        host.Status.Current.Heartbeat!.LateSince.Should().Be(last);
        host.Status.RenderText().Should().Contain("  HEARTBEAT LATE: none written for 10s. Other coordinators may take over the sagas of this process.");
        host.Time.Advance(20 * Heartbeat);
        host.LogLines.Lines.Should().ContainSingle(line => line.EventId == 94).Which.Should().Match<(int, LogLevel Level, string Message)>(line =>
            line.Level == LogLevel.Warning && line.Message.StartsWith("no heartbeat has been written for 10s, ") && line.Message.EndsWith(": the store has not answered"));
        host.LogLines.Count(95).Should().Be(0);

        _controls.Written();
        host.Status.Current.Heartbeat!.LateSince.Should().BeNull();
        host.LogLines.Lines.Should().ContainSingle(line => line.EventId == 95).Which.Message.Should().Be("heartbeats are written again, after 110s");
        host.Time.Advance(2 * Heartbeat);
        host.LogLines.Count(94).Should().Be(2, "it is late once more");
    }

    [Fact]
    public async Task An_idle_process_whose_heartbeat_is_late_runs_a_pass_which_shows_whether_the_store_can_be_reached()
    {
        await using RecoveryHost host = await StartAsync();
        _controls.Written();
        host.Store.BeforeList = () => throw new IOException("connection refused");

        host.Time.Advance(2 * Heartbeat);
        await Eventually.HoldsAsync(() => host.Status.Current.FailedInARow == 1, "the pass had failed");

        host.Status.Current.LastPass!.Start.Reason.Should().Be(PassReason.LateHeartbeat);
        host.Status.RenderText().Should().Contain("triggered by a late heartbeat");
    }

    [Fact]
    public async Task A_listener_connection_that_cannot_be_opened_at_all_makes_the_heartbeats_late_with_its_error()
    {
        _controls.BeforeConnection = () => throw new IOException("connection refused");
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => (options.HeartbeatPeriod, options.RetryDelay) = (Heartbeat, RetryDelay), _controls);
        await Eventually.HoldsAsync(() => host.Status.Current.Heartbeat?.Error is not null, "the first attempt had failed");

        host.Time.Advance(2 * Heartbeat);

        host.Status.Current.Heartbeat!.LateSince.Should().NotBeNull();
        host.LogLines.Lines.Should().ContainSingle(line => line.EventId == 94).Which.Message.Should().EndWith("connection refused");
        host.Status.RenderText().Should().MatchRegex("HEARTBEAT LATE: none written for 10s: .*connection refused");
    }

    [Fact]
    public async Task A_store_that_does_not_report_its_heartbeats_is_not_said_to_be_late()
    {
        await using RecoveryHost host = await StartAsync();

        host.Time.Advance(100 * Heartbeat);

        host.Status.Current.Heartbeat!.LateSince.Should().BeNull();
        host.LogLines.Count(94).Should().Be(0);
    }

    [Fact]
    public async Task A_missing_listener_connection_is_logged_once_and_when_it_is_open_again()
    {
        await using RecoveryHost host = await StartAsync();
        _controls.Written("refused");
        _controls.Written("refused");
        host.Status.Current.Heartbeat!.ListenerError.Should().Be("refused");
        host.Status.RenderText().Should().Contain($"  NO LISTENER CONNECTION: refused. {HeartbeatReport.WithoutListener}\n");
        host.LogLines.Count(96).Should().Be(1);

        _controls.Written();
        _controls.Written();

        host.Status.Current.Heartbeat!.ListenerError.Should().BeNull();
        host.LogLines.Count(97).Should().Be(1);
    }

    [Fact]
    public async Task A_setting_that_needs_other_coordinators_is_refused_where_the_store_knows_none()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => options.TakeOverAfter = TimeSpan.FromMinutes(1));

        await Eventually.HoldsAsync(
            () => host.LogLines.Lines.Any(line => line.Message.Contains("setting SagaRecovery:TakeOverAfter has no effect")), "the warning was logged");
        host.LogLines.Lines.Should().NotContain(line => line.Message.Contains("DrainFor"));
    }

    [Theory]
    [InlineData(20, false)]
    [InlineData(25, true)]
    public async Task A_drain_that_the_host_gives_too_little_time_for_is_logged_at_the_start(int seconds, bool isLogged)
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => options.DrainFor = TimeSpan.FromSeconds(seconds));

        string? warning = host.LogLines.Lines.Select(line => line.Message).SingleOrDefault(line => line.StartsWith("of the setting DrainFor", StringComparison.Ordinal));
        warning.Should().Be(isLogged
            ? "of the setting DrainFor, 00:00:25, only 00:00:20 can be used: the host gives 00:00:30 to a shutdown (HostOptions.ShutdownTimeout)"
            : null);
    }

    [Fact]
    public async Task A_saga_whose_step_is_retried_is_reported_as_retrying_and_not_as_stalled()
    {
        await using RecoveryHost host = RecoveryHost.Create(options => options.StalledCheckPeriod = CheckPeriod, _controls);
        (SagaId retried, SagaId hanging) = (new SagaId(Guid.NewGuid()), new SagaId(Guid.NewGuid()));
        DateTimeOffset start = host.Time.GetUtcNow();
        _controls.Stalled = [retried, hanging];
        host.Executor.Runs =
        [
            Run(retried, new StepInProgress("disk", IsUndo: false, 4, start) { LastError = "IOException: full", NextAttempt = start.AddMinutes(1) }),
            Run(hanging, new StepInProgress("net", IsUndo: true, 1, start) { AttemptSince = start }),
        ];
        await host.StartAsync();
        await Eventually.HoldsAsync(() => host.Status.Current.Stalled is not null, "the check was over");

        host.Status.Current.Steps!.Should().Match<StepReport>(steps => steps.RetryingCount == 1 && steps.OverdueCount == 0 && steps.HangingCount == 0);
        StalledSaga stalled = host.Status.Current.Stalled!.Sagas.Should().ContainSingle().Which;
        stalled.Should().Match<StalledSaga>(saga => saga.SagaId == hanging && saga.Run!.Steps[0].Node == "net");
    }

    [Fact]
    public async Task While_sagas_wait_for_a_slot_only_those_that_run_are_searched_for_stalled_ones()
    {
        await using RecoveryHost host = RecoveryHost.Create(options => options.StalledCheckPeriod = CheckPeriod, _controls);
        await host.StartAsync();
        SagaId runs = host.Store.Add();
        await host.ActivateAsync();
        await Eventually.HoldsAsync(() => _controls.Observations == 1, "the first check was over");
        await host.TimerSetAsync(CheckPeriod);
        host.Executor.Capacity = ExecutorCapacity.None;
        _controls.Stalled = [runs, host.Store.Add(), host.Store.Add()];
        await host.ActivateAsync();

        host.Time.Advance(CheckPeriod);

        await Eventually.HoldsAsync(() => host.Status.Current.Stalled?.Count > 0, "the check was over");
        host.Status.Current.WaitingForSlot.Should().Be(2);
        host.Status.Current.Stalled!.Sagas.Should().ContainSingle("the others wait for a slot").Which.SagaId.Should().Be(runs);
    }

    [Fact]
    public async Task A_step_that_is_retried_for_too_long_and_one_that_hangs_are_reported_and_logged_once()
    {
        await using RecoveryHost host = RecoveryHost.Create(
            options => (options.StalledCheckPeriod, options.StalledAfter) = (CheckPeriod, TimeSpan.FromSeconds(90)), _controls);
        (SagaId retried, SagaId hanging) = (new SagaId(Guid.NewGuid()), new SagaId(Guid.NewGuid()));
        DateTimeOffset start = host.Time.GetUtcNow();
        host.Executor.Runs =
        [
            Run(retried, new StepInProgress("disk", IsUndo: false, 4, start) { LastError = "IOException: full", NextAttempt = start.AddHours(1) }),
            Run(hanging, new StepInProgress("net", IsUndo: true, 1, start) { AttemptSince = start }),
        ];
        await host.StartAsync();
        for (int check = 1; check <= 4; check++)
        {
            await Eventually.HoldsAsync(() => _controls.Observations == check, $"check {check} was over");
            await host.TimerSetAsync(CheckPeriod);
            host.Time.Advance(CheckPeriod);
        }

        StepReport steps = host.Status.Current.Steps!;
        (steps.OverdueCount, steps.HangingCount).Should().Be((1, 1));
        string[] lines = [.. host.LogLines.Lines.Select(line => line.Message).Where(line => line.Contains("stalled threshold"))];
        lines.Should().HaveCount(2);
        lines[0].Should().Be(
            "the action of node disk has been retried for 2m, longer than the stalled threshold of its definition; "
            + $"attempt 4 is the last so far, and the last error is IOException: full: saga {retried} (provision)");
        lines[1].Should().StartWith("attempt 1 of the undo of node net has not ended for 2m,").And.EndWith($"saga {hanging} (provision)");
        host.Status.RenderText().Should().Contain("steps being retried (1, 1 of them for too long").And.Contain("steps that do not end (1,");
    }

    private static SagaRunProgress Run(SagaId saga, StepInProgress step) => new(saga, "provision", RunPhase.Running, [step]);

    private async Task<RecoveryHost> StartAsync()
    {
        RecoveryHost host = await RecoveryHost.StartAsync(options => (options.HeartbeatPeriod, options.RetryDelay) = (Heartbeat, RetryDelay), _controls);
        await Eventually.HoldsAsync(() => _controls.Connections == 1, "the connection was opened");
        return host;
    }

    private async Task ReconnectAsync(RecoveryHost host)
    {
        int connections = _controls.Connections;
        _controls.BreakConnection();
        await host.TimerSetAsync(Heartbeat);
        host.Time.Advance(Heartbeat);
        await Eventually.HoldsAsync(() => _controls.Connections > connections, "the connection was opened again");
    }
}
