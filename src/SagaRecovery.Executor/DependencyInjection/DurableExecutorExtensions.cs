using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Executor;
using SagaRecovery.Storage;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Plugs the durable executor, and the sagas that it can run, into <c>AddSagaRecovery()</c>.</summary>
public static class DurableExecutorExtensions
{
    /// <summary>
    /// Uses the durable executor, and makes <see cref="SagaClient"/> available to start sagas with. May be called more than once; each
    /// <paramref name="configure"/> is applied.
    /// </summary>
    /// <param name="builder">What <c>AddSagaRecovery()</c> returned.</param>
    /// <param name="configure">Changes the settings after they were read from <see cref="DurableExecutorOptions.SectionName"/>.</param>
    public static SagaRecoveryBuilder AddDurableExecutor(
        this SagaRecoveryBuilder builder, Action<DurableExecutorOptions>? configure = null)
    {
        IServiceCollection services = builder.Services;
        if (!services.Any(service => service.ServiceType == typeof(DurableExecutor)))
        {
            services.AddOptions<DurableExecutorOptions>().BindConfiguration(DurableExecutorOptions.SectionName).ValidateOnStart();
            services.AddSingleton<IValidateOptions<DurableExecutorOptions>, DurableExecutorOptionsValidator>();
            services.AddSingleton<SagaRegistry>();
            services.AddSingleton(CreateExecutor);
            services.AddSingleton<SagaClient>(CreateClient);

            // First of all hosted services: they stop in reverse order, so recovery hands nothing more over, and no endpoint starts
            // anything more, when the executor stops.
            services.Insert(0, ServiceDescriptor.Singleton<IHostedService>(provider => provider.GetRequiredService<DurableExecutor>()));
        }

        if (configure is not null)
        {
            services.Configure(configure);
        }

        return builder.UseExecutor<DurableExecutor>();
    }

    /// <summary>Registers a saga definition, as a singleton from the container. It is checked when the host starts.</summary>
    public static SagaRecoveryBuilder AddSaga<TSaga>(this SagaRecoveryBuilder builder)
        where TSaga : Saga
    {
        builder.Services.TryAddSingleton<TSaga>();
        builder.Services.AddSingleton<Saga>(provider => provider.GetRequiredService<TSaga>());
        return builder;
    }

    private static DurableExecutor CreateExecutor(IServiceProvider provider) => new(
        provider.GetRequiredService<SagaRegistry>(),
        provider.GetRequiredService<SagaCoordinator>(),
        provider.GetRequiredService<SagaStarts>(),
        provider.GetRequiredService<ISagaLog>(),
        provider.GetRequiredService<TimeProvider>(),
        provider.GetRequiredService<IOptions<DurableExecutorOptions>>(),
        provider.GetRequiredService<ILogger<DurableExecutor>>(),
        provider.GetService<IMeterFactory>());

    private static DurableSagaClient CreateClient(IServiceProvider provider) => new(
        provider.GetRequiredService<SagaRegistry>(),
        provider.GetRequiredService<DurableExecutor>(),
        provider.GetRequiredService<SagaCoordinator>(),
        provider.GetRequiredService<SagaStarts>(),
        provider.GetRequiredService<ISagaLog>(),
        provider.GetRequiredService<TimeProvider>(),
        provider.GetRequiredService<IOptions<DurableExecutorOptions>>());
}
