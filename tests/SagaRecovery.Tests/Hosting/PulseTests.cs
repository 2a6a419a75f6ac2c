using SagaRecovery.Status;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

public sealed class PulseTests
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(30);

    private readonly ScriptedControls _controls = new();

    [Fact]
    public async Task The_first_sign_of_life_after_an_outage_runs_the_pass_that_would_be_due_later()
    {
        await using RecoveryHost host = await StartAsync();
        _controls.BeforeBeat = () => throw new IOException("away");
        host.Store.BeforeList = () => throw new IOException("away");
        (await host.ActivateAsync()).Result.Should().Be(PassResult.Failed);
        await BeatAsync(host);

        host.Store.BeforeList = () => Task.CompletedTask;
        _controls.BeforeBeat = () => Task.CompletedTask;
        await BeatAsync(host);
        await host.PassesAsync(3);

        host.Status.Current.LastPass!.Should().Match<PassReport>(pass => pass.Start.Reason == PassReason.Retry && pass.Result == PassResult.Completed);
    }

    [Fact]
    public async Task Signs_of_life_that_get_through_all_the_while_run_no_pass()
    {
        await using RecoveryHost host = await StartAsync();
        host.Store.BeforeList = () => throw new IOException("only listing fails");
        await host.ActivateAsync();
        await host.TimerSetAsync(RetryDelay);

        await BeatAsync(host);
        await BeatAsync(host);

        await host.ActivateAsync();
        host.Status.Current.Totals.Passes.Should().Be(3, "two were asked for, and the retry is not due yet");
    }

    private async Task<RecoveryHost> StartAsync()
    {
        RecoveryHost host = await RecoveryHost.StartAsync(options => (options.HeartbeatPeriod, options.RetryDelay) = (Beat, RetryDelay), _controls);
        await BeatIsDueAsync(host);
        return host;
    }

    /// <summary>Returns when a beat is over.</summary>
    private async Task BeatAsync(RecoveryHost host)
    {
        int beats = _controls.Beats;
        host.Time.Advance(Beat);
        await Eventually.HoldsAsync(() => _controls.Beats > beats, "there was a sign of life");
        await BeatIsDueAsync(host);
    }

    private static Task BeatIsDueAsync(RecoveryHost host) => host.TimerSetAsync(Beat);
}
