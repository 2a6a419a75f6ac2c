using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>The reactions to notifications between passes.</summary>
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
    public async Task A_setting_that_needs_other_coordinators_is_refused_where_the_store_knows_none()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => options.TakeOverAfter = TimeSpan.FromMinutes(1));

        await Eventually.HoldsAsync(
            () => host.LogLines.Lines.Any(line => line.Message.Contains("setting SagaRecovery:TakeOverAfter has no effect")), "the warning was logged");
        host.LogLines.Lines.Should().NotContain(line => line.Message.Contains("DrainFor"));
    }

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
