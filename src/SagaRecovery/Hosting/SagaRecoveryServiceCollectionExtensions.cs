using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Hosting;
using SagaRecovery.Postgres;

namespace SagaRecovery;

/// <summary>Registers saga recovery with a host.</summary>
public static class SagaRecoveryServiceCollectionExtensions
{
    /// <summary>
    /// Adds saga recovery: the hosted service, <see cref="SagaRecoveryTrigger"/>, <see cref="SagaStarts"/>,
    /// <see cref="SagaRecoveryStatus"/>, <see cref="SagaCoordinator"/>, and the Postgres store on the container's
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

#pragma warning disable RS0030 // the one place where the real clock comes in
        services.TryAddSingleton(TimeProvider.System);
#pragma warning restore RS0030
        services.AddSingleton<SagaCoordinator>();
        services.AddSingleton<RecoveryWakeups>();
        services.AddSingleton(provider => new SagaRecoveryTrigger(provider.GetRequiredService<RecoveryWakeups>()));
        services.AddSingleton<SagaRecoveryStatus>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<SagaHandOver>(provider, RequireExecutor(provider)));
        services.AddSingleton<RecoveryPass>();
        services.AddHostedService<SagaRecoveryService>();
        return builder;
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
                provider.GetRequiredService<StartInbox>(), new BackoffPolicy(options.FirstBackoff, options.LongestBackoff));
        });
        services.AddSingleton(provider => new SagaStarts(
            provider.GetRequiredService<StartInbox>(),
            provider.GetRequiredService<SagaCoordinator>(),
            provider.GetRequiredService<RecoveryWakeups>(),
            provider.GetRequiredService<IOptions<SagaRecoveryOptions>>()));
    }

    private static void AddPostgres(IServiceCollection services)
    {
        services.AddSingleton(provider => new PostgresSchema(
            provider.GetRequiredService<PostgresDatabase>(), provider.GetRequiredService<ILogger<PostgresSchema>>()));
        services.AddSingleton<PostgresJoin>();
        services.TryAddSingleton(provider => new PostgresDatabase(RequireDataSource(provider), provider.GetRequiredService<IOptions<PostgresStoreOptions>>()));
        services.TryAddSingleton<ISagaStore, PostgresSagaStore>();
        services.TryAddSingleton<ISagaLog, PostgresSagaLog>();
    }

    private static ISagaExecutor RequireExecutor(IServiceProvider provider) =>
        provider.GetService<ISagaExecutor>() ?? throw new InvalidOperationException(
            "No saga executor is registered: call AddSagaRecovery().UseExecutor<T>(), or AddDurableExecutor() of the package SagaRecovery.Executor.");

    private static NpgsqlDataSource RequireDataSource(IServiceProvider provider) =>
        provider.GetService<NpgsqlDataSource>() ?? throw new InvalidOperationException(
            "No NpgsqlDataSource is registered: call services.AddSingleton(NpgsqlDataSource.Create(connectionString)), or AddSagaRecovery().UseStore<T>() to keep sagas elsewhere.");
}
