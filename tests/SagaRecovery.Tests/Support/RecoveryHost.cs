using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Hosting;
using SagaRecovery.Operations;
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Support;

/// <summary>A real host with recovery in it, on a scripted store and executor and a frozen clock.</summary>
internal sealed class RecoveryHost : IAsyncDisposable
{
    private readonly IHost _host;

    private RecoveryHost(
        Action<SagaRecoveryOptions>? configure,
        ISagaControls? controls,
        IHostedService? before = null,
        ISagaDefinitions? definitions = null,
        Action<IServiceCollection>? services = null)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Trace).AddProvider(LogLines);
        builder.Services.AddSingleton<TimeProvider>(Time);
        builder.Services.AddSingleton(Store).AddSingleton(Executor);
        if (before is not null)
        {
            builder.Services.AddSingleton(before);
        }

        builder.Services.AddSagaRecovery(options =>
        {
            options.CoordinatorId = new CoordinatorId(Guid.NewGuid());
            configure?.Invoke(options);
        }).UseStore<ScriptedStore>().UseExecutor<AnsweringExecutor>();
        if (controls is not null)
        {
            builder.Services.AddSingleton(controls);
        }

        if (definitions is not null)
        {
            builder.Services.AddSingleton(definitions);
        }

        services?.Invoke(builder.Services);
        _host = builder.Build();
    }

    public ScriptedStore Store { get; } = new();

    public AnsweringExecutor Executor { get; } = new();

    public WatchedTimeProvider Time { get; } = new();

    public LogLines LogLines { get; } = new();

    public SagaRecoveryTrigger Trigger => _host.Services.GetRequiredService<SagaRecoveryTrigger>();

    public SagaStarts Starts => _host.Services.GetRequiredService<SagaStarts>();

    public SagaCoordinator Coordinator => _host.Services.GetRequiredService<SagaCoordinator>();

    /// <summary>The hosted service alone.</summary>
    public IHostedService Loop => _host.Services.GetServices<IHostedService>().OfType<SagaRecoveryService>().Single();

    public RetentionJob RetentionJob => _host.Services.GetServices<IHostedService>().OfType<RetentionJob>().Single();

    public IHostApplicationLifetime Lifetime => _host.Services.GetRequiredService<IHostApplicationLifetime>();

    public SagaDrain Drain => _host.Services.GetRequiredService<SagaDrain>();

    public SagaRecoveryStatus Status => _host.Services.GetRequiredService<SagaRecoveryStatus>();

    /// <summary>Not started yet.</summary>
    public static RecoveryHost Create(Action<SagaRecoveryOptions>? configure = null, ISagaControls? controls = null) => new(configure, controls);

    /// <summary>Not started yet, with a hosted service that the host starts before recovery.</summary>
    public static RecoveryHost CreateWith(IHostedService before) => new(configure: null, controls: null, before);

    /// <summary>Not started yet, on a store with definitions.</summary>
    public static RecoveryHost CreateWith(ISagaDefinitions definitions) => new(configure: null, controls: null, definitions: definitions);

    /// <summary>Not started yet, with retention on a store of the test.</summary>
    public static RecoveryHost CreateWith(ISagaRetention retention, Action<RetentionOptions> configure, ISagaArchive? archive = null) => new(
        configure: null,
        controls: null,
        services: services =>
        {
            services.AddSingleton(retention).Configure(configure);
            if (archive is not null)
            {
                services.AddSingleton(archive);
            }
        });

    /// <summary>Started, and its first pass is over.</summary>
    public static async Task<RecoveryHost> StartAsync(Action<SagaRecoveryOptions>? configure = null, ISagaControls? controls = null)
    {
        RecoveryHost host = Create(configure, controls);
        await host.StartAsync();
        await host.PassesAsync(1);
        return host;
    }

    public Task StartAsync() => _host.StartAsync();

    public Task StopAsync(CancellationToken timeUp = default) => _host.StopAsync(timeUp);

    public Task<PassReport> ActivateAsync() => Trigger.ActivateAsync().WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>Waits until the given number of passes has ended.</summary>
    public Task PassesAsync(long count) => Eventually.HoldsAsync(() => Status.Current.Totals.Passes >= count, $"{count} passes had ended");

    /// <summary>Waits until the timer for the next pass is set, so that time can be advanced.</summary>
    public Task TimerSetAsync(TimeSpan delay) => Eventually.HoldsAsync(() => Time.Pending.Contains(delay), $"a timer of {delay} was set");

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }
}
