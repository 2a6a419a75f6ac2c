using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Executor;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>A process that has joined a store and runs sagas, without recovery and without a container.</summary>
internal sealed class TrialProcess : IAsyncDisposable
{
    private static readonly CoordinatorId Coordinator = CoordinatorId.Parse("01970000-0000-7000-8000-000000000002");

    private readonly SagaCoordinator _coordinator;
    private readonly RecoveryWakeups _wakeups;
    private readonly DurableExecutor _executor;

    private TrialProcess(
        InMemorySagaStore store, SagaRegistry registry, IOptions<DurableExecutorOptions> executorOptions, TimeProvider time, IServiceScopeFactory? scopes)
    {
        IOptions<SagaRecoveryOptions> options = Options.Create(new SagaRecoveryOptions { CoordinatorId = Coordinator });
        _coordinator = new SagaCoordinator(options, time, NullLogger<SagaCoordinator>.Instance);
        _wakeups = new RecoveryWakeups(time);
        var starts = new SagaStarts(new StartInbox(), _coordinator, _wakeups, options);
        _executor = new DurableExecutor(
            registry, _coordinator, starts, store, new SteadyTimeProvider(time), executorOptions, NullLogger<DurableExecutor>.Instance, meters: null, scopes, reader: store, transactions: store);
        Client = new DurableSagaClient(
            new Lazy<SagaRegistry>(registry), new Lazy<DurableExecutor>(_executor), _coordinator, starts, store, new NoSagaOperations(), store,
            store, new NoSagaDefinitions(), time, executorOptions);
    }

    public SagaClient Client { get; }

    public static async Task<TrialProcess> StartAsync(
        InMemorySagaStore store, SagaRegistry registry, IOptions<DurableExecutorOptions> options, TimeProvider time, IServiceScopeFactory? scopes)
    {
        var process = new TrialProcess(store, registry, options, time, scopes);
        await process._coordinator.EnsureJoinedAsync(store, CancellationToken.None).ConfigureAwait(false);
        return process;
    }

    /// <summary>Cancels the runs in flight without waiting for them, because one of them may hang.</summary>
    public async ValueTask DisposeAsync()
    {
        await ((IHostedService)_executor).StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        _executor.Dispose();
        _wakeups.Dispose();
        _coordinator.Dispose();
    }
}
