using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Executor.Definitions;

namespace SagaRecovery.Executor;

/// <summary>Runs sagas, started here or handed over by recovery. A singleton; thread-safe.</summary>
public sealed class DurableExecutor : ISagaExecutor, IHostedService, IDisposable
{
    internal DurableExecutor(
        SagaRegistry registry,
        SagaCoordinator coordinator,
        SagaStarts starts,
        ISagaLog log,
        TimeProvider time,
        IOptions<DurableExecutorOptions> options,
        ILogger<DurableExecutor> logger)
    {
        _ = (registry, coordinator, starts, log, time, options, logger);
    }

    /// <summary>Sagas that run now.</summary>
    public int Running { get; private set; }

    /// <summary>Sagas that wait until there is room; see <see cref="DurableExecutorOptions.MaxRunningSagas"/>.</summary>
    public int Waiting { get; private set; }

    /// <inheritdoc />
    public ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    /// <inheritdoc />
    public ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    Task IHostedService.StartAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    Task IHostedService.StopAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <inheritdoc />
    public void Dispose()
    {
    }

    internal SagaHandle Begin(
        SagaDefinition definition, SagaId sagaId, ReadOnlyMemory<byte> parameters, Ownership ownership, SagaInjections? inject) =>
        throw new NotSupportedException();

    internal SagaHandle? Find(SagaId sagaId) => throw new NotSupportedException();
}
