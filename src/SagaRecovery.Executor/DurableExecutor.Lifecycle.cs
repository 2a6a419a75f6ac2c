using Microsoft.Extensions.Hosting;
using SagaRecovery.Executor.Diagnostics;

namespace SagaRecovery.Executor;

/// <content>The start of the host.</content>
public sealed partial class DurableExecutor
{
    Task IHostedLifecycleService.StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedService.StartAsync(CancellationToken cancellationToken)
    {
        Log.Ready(_logger, _registry.Count, _options.MaxRunningSagas);
        return Task.CompletedTask;
    }

    Task IHostedLifecycleService.StartedAsync(CancellationToken cancellationToken)
    {
        _metrics.BeginSeries(); // by now all exporters listen
        return Task.CompletedTask;
    }

    Task IHostedLifecycleService.StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedLifecycleService.StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
