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
/// The shutdown of a coordinator. If a drain is configured, it lets sagas finish before the host stops its services. Once no saga runs,
/// it reassigns the unfinished sagas and reports the shutdown.
/// </summary>
internal sealed class CoordinatorShutdown(
    ISagaControls controls,
    SagaDrain drain,
    SagaCoordinator coordinator,
    ShutdownBudget budget,
    IOptions<SagaRecoveryOptions> options,
    ILogger<CoordinatorShutdown> logger)
    : IHostedLifecycleService
{
    private static readonly OperatorNote Shutdown = new("shutdown", "the host is stopping");

    private bool Drains => options.Value.DrainFor is not null && coordinator.Member is not null && !coordinator.Fenced.IsCancellationRequested;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        if (options.Value.DrainFor is { } wanted && budget.DrainLimit(wanted) is var limit && limit < wanted)
        {
            Log.DrainForTooLong(logger, wanted, limit, budget.Whole);
        }

        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        budget.Begin();
        return Drains ? drain.WaitForRunsAsync(Shutdown, budget.DrainLimit(options.Value.DrainFor!.Value), cancellationToken) : Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        using var detached = new DetachedCancellation(cancellationToken);
        if (Drains)
        {
            Task reassigned = drain.ReassignRestAsync(detached.Token);
            await reassigned.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (coordinator.Member is { } member && !coordinator.Fenced.IsCancellationRequested)
        {
            await ReportShutdownAsync(member, detached.Token, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ReportShutdownAsync(Membership member, CancellationToken detached, CancellationToken cancellationToken)
    {
        try
        {
            await controls.ReportShutdownAsync(member, detached).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) // from the store: the next process takes this shutdown for a crash
        {
            Log.HeartbeatFailed(logger, exception);
        }
    }
}
