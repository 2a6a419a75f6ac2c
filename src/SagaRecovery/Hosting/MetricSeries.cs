using Microsoft.Extensions.Hosting;

namespace SagaRecovery.Hosting;

/// <summary>Creates the series of all counters at 0 once the host has started, when all exporters listen.</summary>
/// <remarks>A query for an increase does not see the first sample of a series. A series that began with its first event would hide it.</remarks>
internal sealed class MetricSeries(RecoveryMetrics recovery, RetentionMetrics retention) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        recovery.BeginSeries();
        retention.BeginSeries();
        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
