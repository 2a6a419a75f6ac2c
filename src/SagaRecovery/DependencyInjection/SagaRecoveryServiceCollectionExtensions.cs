using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery;
using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Hosting;
using SagaRecovery.Operations;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers saga recovery with a host.</summary>
public static class SagaRecoveryServiceCollectionExtensions
{
    /// <summary>
    /// Adds saga recovery: the hosted service, <see cref="SagaRecoveryTrigger"/>, <see cref="SagaStarts"/>,
    /// <see cref="SagaRecoveryStatus"/>, <see cref="SagaOperator"/>, <see cref="SagaCoordinator"/>, <see cref="SagaDrain"/>, and the Postgres store on the container's
    /// <c>NpgsqlDataSource</c>. Options come from the configuration section <see cref="SagaRecoveryOptions.SectionName"/> and are
    /// validated when the host starts. An executor has to be added to it. Calling it again changes nothing but adds
    /// <paramref name="configure"/>.
    /// </summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="configure">Sets options in code, over what the configuration says.</param>
    /// <returns>Where an executor or another store is plugged in.</returns>
    public static SagaRecoveryBuilder AddSagaRecovery(this IServiceCollection services, Action<SagaRecoveryOptions>? configure = null)
    {
        if (configure is not null)
        {
            services.PostConfigure(configure);
        }

        var builder = new SagaRecoveryBuilder(services);
        if (services.Any(service => service.ServiceType == typeof(SagaTracker)))
        {
            return builder;
        }

        AddOptions(services);
        AddBookkeeping(services);
        AddPostgres(services);
        services.AddSingleton<SagaCoordinator>();
        services.AddSingleton<RecoveryWakeups>();
        services.AddSingleton(provider => new SagaRecoveryTrigger(provider.GetRequiredService<RecoveryWakeups>()));
        services.AddSingleton<SagaRecoveryStatus>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<SagaResumer>(provider, RequireExecutor(provider)));
        services.AddSingleton(provider => new RecoveryMetrics(
            provider.GetRequiredService<SagaRecoveryStatus>(),
            provider.GetRequiredService<SagaStarts>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<IMeterFactory>()));
        services.AddSingleton<OperatorActionLog>();
        services.AddSingleton<CrashLoopGuard>();
        services.AddSingleton<RecoveryPass>();
        services.AddSingleton<TakeOver>();
        services.AddSingleton(CreateOperator);
        services.AddSingleton(CreateDrain);
        services.AddHostedService<CoordinatorShutdown>();
        services.AddSingleton<IHostedService>(provider => ActivatorUtilities.CreateInstance<CoordinatorHeartbeat>(provider, RequireExecutor(provider)));
        services.AddHostedService<SagaRecoveryService>();
        return builder;
    }

    /// <summary>
    /// Adds only what operators need from outside a service, on the container's <c>NpgsqlDataSource</c>: <see cref="ISagaOperations"/>,
    /// <see cref="ISagaCluster"/> and <see cref="PostgresSchema"/>. Joins nothing and runs nothing.
    /// </summary>
    /// <param name="services">The services of a tool.</param>
    /// <param name="configure">Says where in Postgres the sagas are.</param>
    public static IServiceCollection AddSagaOperations(this IServiceCollection services, Action<PostgresStoreOptions>? configure = null)
    {
        services.AddSingleton<IValidateOptions<PostgresStoreOptions>, PostgresStoreOptionsValidator>();
        services.Configure(configure ?? (_ => { }));
        AddPostgresDatabase(services);
        return services;
    }

    private static void AddOptions(IServiceCollection services)
    {
        services.AddOptions<SagaRecoveryOptions>().BindConfiguration(SagaRecoveryOptions.SectionName).ValidateOnStart();
        services.AddOptions<PostgresStoreOptions>().BindConfiguration(PostgresStoreOptions.SectionName).ValidateOnStart();
        services.AddSingleton<IValidateOptions<SagaRecoveryOptions>, SagaRecoveryOptionsValidator>();
        services.AddSingleton<IValidateOptions<PostgresStoreOptions>, PostgresStoreOptionsValidator>();
    }

    private static void AddBookkeeping(IServiceCollection services)
    {
        services.AddSingleton<StartInbox>();
        services.AddSingleton(provider =>
        {
            SagaRecoveryOptions options = provider.GetRequiredService<IOptions<SagaRecoveryOptions>>().Value;
            return new SagaTracker(
                provider.GetRequiredService<StartInbox>(),
                new BackoffPolicy(options.FirstBackoff, options.LongestBackoff),
                new CrashGuardPolicy(options.Probation, options.HoldAfterCrashes, options.Canary));
        });
        services.AddSingleton(provider => new SagaStarts(
            provider.GetRequiredService<StartInbox>(),
            provider.GetRequiredService<SagaCoordinator>(),
            provider.GetRequiredService<RecoveryWakeups>(),
            provider.GetRequiredService<IOptions<SagaRecoveryOptions>>()));
    }

    private static void AddPostgresDatabase(IServiceCollection services)
    {
#pragma warning disable RS0030 // the one place where the real clock comes in
        services.TryAddSingleton(TimeProvider.System);
#pragma warning restore RS0030
        services.TryAddSingleton(provider => new PostgresDatabase(
            RequireDataSource(provider),
            provider.GetRequiredService<IOptions<PostgresStoreOptions>>(),
            provider.GetKeyedService<NpgsqlDataSource>(PostgresStoreOptions.DirectDataSource)));
        services.TryAddSingleton(provider => new PostgresSchema(
            provider.GetRequiredService<PostgresDatabase>(), provider.GetService<ILogger<PostgresSchema>>() ?? NullLogger<PostgresSchema>.Instance));
        services.TryAddSingleton(provider => new OwnerLock(
            provider.GetRequiredService<PostgresDatabase>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<ILogger<OwnerLock>>() ?? NullLogger<OwnerLock>.Instance));
        services.TryAddSingleton<ISagaOperations, PostgresSagaOperations>();
        services.TryAddSingleton<ISagaCluster, PostgresSagaCluster>();
    }

    private static void AddPostgres(IServiceCollection services)
    {
        AddPostgresDatabase(services);
        services.AddSingleton<PostgresJoin>();
        services.TryAddSingleton<ISagaStore, PostgresSagaStore>();
        services.TryAddSingleton<ISagaLog, PostgresSagaLog>();
        services.TryAddSingleton<ISagaControls, PostgresSagaControls>();
    }

    private static SagaOperator CreateOperator(IServiceProvider provider) => new(
        provider.GetRequiredService<ISagaOperations>(),
        provider.GetRequiredService<ISagaCluster>(),
        provider.GetRequiredService<ISagaControls>(),
        RequireExecutor(provider),
        provider.GetRequiredService<SagaTracker>(),
        provider.GetRequiredService<SagaCoordinator>(),
        provider.GetRequiredService<SagaRecoveryStatus>(),
        provider.GetRequiredService<RecoveryWakeups>(),
        provider.GetRequiredService<OperatorActionLog>(),
        provider.GetRequiredService<TimeProvider>());

    private static SagaDrain CreateDrain(IServiceProvider provider) => new(
        provider.GetRequiredService<ISagaCluster>(),
        provider.GetRequiredService<ISagaOperations>(),
        RequireExecutor(provider),
        provider.GetRequiredService<SagaStarts>(),
        provider.GetRequiredService<SagaCoordinator>(),
        provider.GetRequiredService<SagaRecoveryStatus>(),
        provider.GetRequiredService<RecoveryWakeups>(),
        provider.GetRequiredService<TimeProvider>(),
        provider.GetRequiredService<ILogger<SagaDrain>>());

    private static ISagaExecutor RequireExecutor(IServiceProvider provider) =>
        provider.GetService<ISagaExecutor>() ?? throw new InvalidOperationException(
            "No saga executor is registered: call AddSagaRecovery().UseExecutor<T>(), or AddDurableExecutor() of the package SagaRecovery.Executor.");

    private static NpgsqlDataSource RequireDataSource(IServiceProvider provider) =>
        provider.GetService<NpgsqlDataSource>() ?? throw new InvalidOperationException(
            "No NpgsqlDataSource is registered: call services.AddSingleton(NpgsqlDataSource.Create(connectionString)), or AddSagaRecovery().UseStore<T>() to keep sagas elsewhere.");
}
