using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>
/// Gives signs of life, looks for sagas that do not progress, and says goodbye at shutdown. A sign of life that is refused is how an
/// idle process learns that it is fenced. What fails here is tried again at the next beat: passes tell of a database that is away. A
/// beat that gets through after one that did not says that it is back.
/// </summary>
internal sealed class CoordinatorPulse(
    ISagaControls controls,
    SagaCoordinator coordinator,
    SagaRecoveryStatus status,
    RecoveryWakeups wakeups,
    IOptions<SagaRecoveryOptions> options,
    TimeProvider time,
    ILogger<CoordinatorPulse> logger) : BackgroundService
{
    private readonly SagaRecoveryOptions _options = options.Value;
    private readonly ProgressPatience _patience = new(options.Value.NotProgressingAfter, options.Value.NotProgressingAfterByDefinition);
    private bool _beatFailed;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
        if (coordinator.Member is { } member && !coordinator.Fenced.IsCancellationRequested)
        {
            await TryAsync(() => controls.LeaveAsync(member, cancellationToken)).ConfigureAwait(false);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (controls is NoSagaControls)
        {
            return; // nobody to give a sign to: no timers for nothing
        }

        try
        {
            Membership member = await coordinator.JoinedAsync(stoppingToken).ConfigureAwait(false);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, coordinator.Fenced);
            await Task.WhenAll(
                EachAsync(_options.HeartbeatPeriod, () => BeatAsync(member, ended.Token), ended.Token),
                EachAsync(_options.ProgressCheckPeriod, () => LookAsync(member, ended.Token), ended.Token)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested || coordinator.Fenced.IsCancellationRequested)
        {
            // shutdown, or somebody else is the coordinator now
        }
        catch (CoordinatorFencedException)
        {
            // before it had begun
        }
    }

    private async Task EachAsync(TimeSpan period, Func<Task> work, CancellationToken ended)
    {
        while (true)
        {
            await TryAsync(work).ConfigureAwait(false);
            await Task.Delay(period, time, ended).ConfigureAwait(false);
        }
    }

    private async Task BeatAsync(Membership member, CancellationToken cancellationToken)
    {
        bool wasAway = _beatFailed;
        _beatFailed = true;
        await controls.BeatAsync(member, cancellationToken).ConfigureAwait(false);
        _beatFailed = false;
        if (wasAway && wakeups.PassesFail)
        {
            wakeups.Request(PassReason.Retry); // the one that is due may be half a minute off
        }
    }

    private async Task LookAsync(Membership member, CancellationToken cancellationToken) =>
        status.Looked(await controls.FindNotProgressingAsync(member, _patience, cancellationToken).ConfigureAwait(false));

    private async Task TryAsync(Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (CoordinatorFencedException fenced)
        {
            coordinator.ReportFenced(fenced);
        }
        catch (Exception exception) // the store's; the next beat tries again, and passes tell of a store that is away
        {
            Log.PulseFailed(logger, exception);
        }
    }
}
