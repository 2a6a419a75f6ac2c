using Microsoft.Extensions.Hosting;
using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Executor.Running;

namespace SagaRecovery.Executor;

/// <content>The start of the host, and the refusal of sagas once it stops.</content>
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

    private void ThrowIfClosed(SagaId sagaId)
    {
        _coordinator.ThrowIfFenced();
        if (_runs.Closed is { } reason)
        {
            throw new InvalidOperationException($"Saga {sagaId} was not accepted: {reason.Describe()}.");
        }
    }
}
