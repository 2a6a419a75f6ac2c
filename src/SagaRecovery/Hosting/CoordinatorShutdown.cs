using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Hosting;

/// <summary>
/// How a process leaves: with a drain, if that was asked for, before anything is stopped; then, once nothing runs any more, by giving away
/// what is unfinished and saying goodbye.
/// </summary>
internal sealed class CoordinatorShutdown(
    ISagaControls controls, SagaDrain drain, SagaCoordinator coordinator, IOptions<SagaRecoveryOptions> options, ILogger<CoordinatorShutdown> logger)
    : IHostedLifecycleService
{
    private static readonly OperatorNote Shutdown = new("shutdown", "the host stops");

    private bool Drains => options.Value.DrainFor is not null && coordinator.Member is not null && !coordinator.Fenced.IsCancellationRequested;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) =>
        Drains ? drain.WaitForRunsAsync(Shutdown, options.Value.DrainFor!.Value, cancellationToken) : Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        using var timeUp = new DetachedCancellation(cancellationToken);
        if (Drains)
        {
            Task reassigned = drain.ReassignRestAsync(timeUp.Token);
            await reassigned.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (coordinator.Member is { } member && !coordinator.Fenced.IsCancellationRequested)
        {
            await ReportShutdownAsync(member, timeUp.Token, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ReportShutdownAsync(Membership member, CancellationToken forStore, CancellationToken cancellationToken)
    {
        try
        {
            await controls.ReportShutdownAsync(member, forStore).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) // the store's: this process will look as if it had crashed
        {
            Log.HeartbeatFailed(logger, exception);
        }
    }
}
