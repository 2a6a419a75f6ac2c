using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
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
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Extension methods that register saga recovery in a service collection.</summary>
public static class SagaRecoveryServiceCollectionExtensions
{
    /// <summary>Adds saga recovery with the Postgres store to a host.</summary>
    /// <param name="services">The service collection of the host.</param>
    /// <param name="configure">Sets options in code. It overrides the configuration.</param>
    /// <returns>The builder that registers an executor, or another store.</returns>
    /// <remarks>
    /// <para>
    /// Adds the hosted service and these singletons: <see cref="SagaRecoveryTrigger"/>, <see cref="SagaStarts"/>,
    /// <see cref="SagaRecoveryStatus"/>, <see cref="SagaOperator"/>, <see cref="SagaCoordinator"/> and <see cref="SagaDrain"/>.
    /// </para>
    /// <para>
    /// Register an executor on the returned builder, and an <see cref="NpgsqlDataSource"/> for the Postgres store. Without one of them the
    /// host fails to start. Options come from the configuration section <see cref="SagaRecoveryOptions.SectionName"/> and are validated when
    /// the host starts. A repeated call only adds <paramref name="configure"/>.
    /// </para>
    /// </remarks>
    /// <exception cref="InvalidOperationException">Thrown at the start of the host: no executor or no data source is registered.</exception>
    /// <exception cref="OptionsValidationException">Thrown at the start of the host: an option is not valid.</exception>
    /// <example>
    /// A host with the durable executor of the package SagaRecovery.Executor and one saga:
    /// <code>
    /// HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
    /// builder.Services.AddSingleton(NpgsqlDataSource.Create(builder.Configuration.GetConnectionString("Sagas")!));
    /// builder.Services
    ///     .AddSagaRecovery(options =&gt; options.TakeOverAfter = TimeSpan.FromSeconds(30))
    ///     .AddDurableExecutor()
    ///     .AddSaga&lt;CreateDisk&gt;();
    /// using IHost host = builder.Build();
    /// await host.RunAsync();
    /// </code>
    /// The coordinator id comes from the configuration:
    /// <code>
    /// { "SagaRecovery": { "CoordinatorId": "0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11" } }
    /// </code>
    /// </example>
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
        services.AddSingleton(provider => new SagaCoordinator(
            provider.GetRequiredService<IOptions<SagaRecoveryOptions>>(),
            provider.GetRequiredService<SteadyTimeProvider>(),
            provider.GetRequiredService<ILogger<SagaCoordinator>>()));
        services.AddSingleton<RecoveryWakeups>();
        services.AddSingleton(provider => new SagaRecoveryTrigger(provider.GetRequiredService<RecoveryWakeups>()));
        services.AddSingleton(provider => new SagaRecoveryStatus(
            provider.GetRequiredService<SagaCoordinator>(),
            provider.GetRequiredService<IOptions<SagaRecoveryOptions>>(),
            provider.GetRequiredService<SteadyTimeProvider>()));
        services.AddSingleton(provider => provider.GetRequiredService<SagaRecoveryStatus>().Loop);
        services.AddSingleton(provider => new RunnableDefinitions(RequireExecutor(provider)));
        services.AddSingleton(CreateResumer);
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<RunRequests>(provider, RequireExecutor(provider)));
        services.AddSingleton(provider => new RecoveryMetrics(
            provider.GetRequiredService<SagaRecoveryStatus>(),
            provider.GetRequiredService<SagaStarts>(),
            provider.GetRequiredService<SteadyTimeProvider>(),
            provider.GetService<IMeterFactory>()));
        services.AddSingleton<OperatorActionLog>();
        services.AddSingleton<CrashLoopGuard>();
        services.AddSingleton(provider => new PassLog(provider.GetRequiredService<ILogger<SagaRecoveryService>>()));
        services.AddSingleton<BatchResumer>();
        services.AddSingleton<RecoveryPass>();
        services.AddSingleton<SlotRefill>();
        services.AddSingleton<TakeOver>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<DefinitionReview>(provider, RequireExecutor(provider)));
        services.AddSingleton(CreateOperator);
        services.AddSingleton(CreateDrain);
        services.TryAddSingleton<ShutdownBudget>();
        services.AddHostedService<CoordinatorShutdown>();
        services.AddSingleton<IHostedService>(provider => ActivatorUtilities.CreateInstance<CoordinatorHeartbeat>(provider, RequireExecutor(provider)));
        services.AddHostedService<SagaRecoveryService>();
        services.AddSingleton(CreateArchive);
        services.AddSingleton(provider => new RetentionMetrics(provider.GetRequiredService<SagaRecoveryStatus>(), provider.GetService<IMeterFactory>()));
        services.AddSingleton(provider => new RetentionOperator(
            provider.GetRequiredService<ISagaRetention>(),
            provider.GetRequiredService<ArchiveChoice>(),
            provider.GetRequiredService<IOptions<RetentionOptions>>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<RetentionOperator>>()));
        services.AddHostedService<RetentionJob>();
        services.AddHostedService<MetricSeries>();
        return builder;
    }

    /// <summary>Adds the operator services for a tool that works on the database of sagas from outside.</summary>
    /// <param name="services">The service collection of the tool.</param>
    /// <param name="configure">Sets the location of the sagas in Postgres.</param>
    /// <returns>The service collection.</returns>
    /// <remarks>
    /// Adds <see cref="ISagaOperations"/>, <see cref="ISagaCluster"/>, <see cref="ISagaDefinitions"/> and <see cref="PostgresSchema"/> on the
    /// registered <see cref="NpgsqlDataSource"/>. They do not join as a coordinator and run no sagas.
    /// </remarks>
    public static IServiceCollection AddSagaOperations(this IServiceCollection services, Action<PostgresStoreOptions>? configure = null)
    {
        services.AddSingleton<IValidateOptions<PostgresStoreOptions>, PostgresStoreOptionsValidator>();
        services.Configure(configure ?? (_ => { }));
        AddPostgresDatabase(services);
        return services;
    }

    /// <summary>Validates options when the host starts.</summary>
    /// <param name="options">The options, bound to the section. The caller binds them: code for it is generated where the type is known.</param>
    /// <param name="sectionName">The section.</param>
    /// <param name="durations">The settings of the section that are durations; see <see cref="DurationFormatValidator{TOptions}"/>.</param>
    internal static void AddValidation<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(
        this OptionsBuilder<TOptions> options, string sectionName, IReadOnlyList<string> durations)
        where TOptions : class
    {
        options.ValidateOnStart();
        options.Services.AddSingleton<IValidateOptions<TOptions>>(
            provider => new DurationFormatValidator<TOptions>(provider.GetService<IConfiguration>(), sectionName, durations));
    }

    private static void AddOptions(IServiceCollection services)
    {
        services.AddOptions<SagaRecoveryOptions>().BindConfiguration(SagaRecoveryOptions.SectionName).Configure<IConfiguration>(BindCoordinatorId)
            .AddValidation(SagaRecoveryOptions.SectionName, SagaRecoveryOptions.Durations);
        services.AddOptions<PostgresStoreOptions>().BindConfiguration(PostgresStoreOptions.SectionName)
            .AddValidation(PostgresStoreOptions.SectionName, PostgresStoreOptions.Durations);
        services.AddOptions<RetentionOptions>().BindConfiguration(RetentionOptions.SectionName)
            .AddValidation(RetentionOptions.SectionName, RetentionOptions.Durations);
        services.AddSingleton<IValidateOptions<SagaRecoveryOptions>, SagaRecoveryOptionsValidator>();
        services.AddSingleton<IValidateOptions<RetentionOptions>, RetentionOptionsValidator>();
        services.AddSingleton<IValidateOptions<PostgresStoreOptions>, PostgresStoreOptionsValidator>();
    }

    /// <summary>Reads the coordinator id. The generated code for the other settings uses no type converter, and would leave this one out.</summary>
    private static void BindCoordinatorId(SagaRecoveryOptions options, IConfiguration configuration)
    {
        const string Setting = $"{SagaRecoveryOptions.SectionName}:{nameof(SagaRecoveryOptions.CoordinatorId)}";
        if (configuration[Setting] is not { } text)
        {
            return;
        }

        try
        {
            options.CoordinatorId = string.IsNullOrWhiteSpace(text) ? default : CoordinatorId.Parse(text); // as if it was not set; the validator says so
        }
        catch (FormatException malformed)
        {
            throw new InvalidOperationException($"{Setting} is not valid: {malformed.Message}", malformed);
        }
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
#pragma warning disable RS0030 // the only use of the system clock: all other code takes a TimeProvider
        services.TryAddSingleton(TimeProvider.System);
#pragma warning restore RS0030
        services.TryAddSingleton(provider => new PostgresDatabase(
            RequireDataSource(provider),
            provider.GetRequiredService<IOptions<PostgresStoreOptions>>(),
            provider.GetKeyedService<NpgsqlDataSource>(PostgresStoreOptions.DirectDataSource)));
        services.TryAddSingleton(provider => new PostgresSchema(
            provider.GetRequiredService<PostgresDatabase>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<ILogger<PostgresSchema>>() ?? NullLogger<PostgresSchema>.Instance));
        services.TryAddSingleton(provider => new OwnerLock(
            provider.GetRequiredService<PostgresDatabase>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<ILogger<OwnerLock>>() ?? NullLogger<OwnerLock>.Instance));
        services.TryAddSingleton(provider => new ListingRanges(
            provider.GetRequiredService<PostgresDatabase>(), provider.GetService<ILogger<ListingRanges>>() ?? NullLogger<ListingRanges>.Instance));
        services.TryAddSingleton<SagaSearch>();
        services.TryAddSingleton<ISagaOperations, PostgresSagaOperations>();
        services.TryAddSingleton<ISagaCluster, PostgresSagaCluster>();
        services.TryAddSingleton<StoredDefinitions>();
        services.TryAddSingleton<ISagaDefinitions, PostgresSagaDefinitions>();
        services.TryAddSingleton<ISagaProblems, PostgresSagaProblems>();
        services.TryAddSingleton(provider => new SteadyTimeProvider(provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton<ISagaRetention, PostgresSagaRetention>();
    }

    private static void AddPostgres(IServiceCollection services)
    {
        services.AddSingleton(provider => CreateOwnPool(provider, provider.GetRequiredService<IOptions<PostgresStoreOptions>>().Value.MaxPoolSize));
        services.AddKeyedSingleton(PostgresStoreOptions.MaxQueryConnections, (provider, _) => CreateOwnPool(
            provider,
            Math.Min(PostgresStoreOptions.MaxQueryConnections, provider.GetRequiredService<IOptions<PostgresStoreOptions>>().Value.MaxPoolSize)));
        services.TryAddSingleton(CreateDatabaseWithOwnPool);
        AddPostgresDatabase(services);
        services.AddSingleton<PostgresJoin>();
        services.TryAddSingleton<ISagaStore, PostgresSagaStore>();
        services.TryAddSingleton<ISagaLog, PostgresSagaLog>();
        services.TryAddSingleton<ISagaControls, PostgresSagaControls>();
        services.TryAddSingleton<ISagaReader, PostgresSagaReader>();
        services.AddSingleton(CreateNodeTransactions);
        services.TryAddSingleton<ISagaTransactions, PostgresSagaTransactions>();
    }

    private static NodeTransactions CreateNodeTransactions(IServiceProvider provider)
    {
        var registered = provider.GetKeyedService<NpgsqlDataSource>(PostgresStoreOptions.RecoveryDataSource);
        NpgsqlDataSource host = provider.GetService<NpgsqlDataSource>() ?? registered ?? RequireDataSource(provider);
        return new NodeTransactions(provider.GetRequiredService<PostgresDatabase>(), host, hostIsDatabase: registered is null || registered == host, provider.GetRequiredService<TimeProvider>());
    }

    private static PostgresDatabase CreateDatabaseWithOwnPool(IServiceProvider provider)
    {
        IOptions<PostgresStoreOptions> options = provider.GetRequiredService<IOptions<PostgresStoreOptions>>();
        var direct = provider.GetKeyedService<NpgsqlDataSource>(PostgresStoreOptions.DirectDataSource);
        return provider.GetKeyedService<NpgsqlDataSource>(PostgresStoreOptions.RecoveryDataSource) is { } registered
            ? new PostgresDatabase(registered, options, direct, queries: new DataSourcePool(provider.GetService<NpgsqlDataSource>() ?? registered))
            : new PostgresDatabase(
                RequireDataSource(provider),
                options,
                direct,
                provider.GetRequiredService<OwnPool>(),
                provider.GetRequiredKeyedService<OwnPool>(PostgresStoreOptions.MaxQueryConnections));
    }

    private static ArchiveChoice CreateArchive(IServiceProvider provider)
    {
        RetentionOptions options = provider.GetRequiredService<IOptions<RetentionOptions>>().Value;
        var time = provider.GetRequiredService<TimeProvider>();
        if (provider.GetService<ISagaArchive>() is { } registered)
        {
            return new ArchiveChoice(new GuardedArchive(registered, options.ArchiveTimeout, time));
        }

        if (options.ArchiveFolder is not { } folder)
        {
            return new ArchiveChoice(null);
        }

        var archive = new JsonLinesArchive(
            folder,
            provider.GetRequiredService<IOptions<SagaRecoveryOptions>>().Value.CoordinatorId,
            time,
            provider.GetRequiredService<ILogger<RetentionOptions>>());
        return new ArchiveChoice(new GuardedArchive(archive, options.ArchiveTimeout, time), archive);
    }

    private static OwnPool CreateOwnPool(IServiceProvider provider, int size) =>
        new(RequireDataSource(provider), size, provider.GetRequiredService<ILogger<PostgresStoreOptions>>());

    private static SagaResumer CreateResumer(IServiceProvider provider)
    {
        ISagaExecutor executor = RequireExecutor(provider);
        provider.GetRequiredService<SagaRecoveryStatus>().Executor = executor;
        return ActivatorUtilities.CreateInstance<SagaResumer>(provider, executor);
    }

    private static SagaOperator CreateOperator(IServiceProvider provider) => new(
        provider.GetRequiredService<ISagaOperations>(),
        provider.GetRequiredService<ISagaCluster>(),
        provider.GetRequiredService<ISagaDefinitions>(),
        provider.GetRequiredService<ISagaProblems>(),
        provider.GetRequiredService<ISagaControls>(),
        RequireExecutor(provider),
        provider.GetRequiredService<SagaTracker>(),
        provider.GetRequiredService<SagaCoordinator>(),
        provider.GetRequiredService<SagaRecoveryStatus>(),
        provider.GetRequiredService<RecoveryWakeups>(),
        provider.GetRequiredService<OperatorActionLog>(),
        new RunNotifier(
            RequireExecutor(provider),
            provider.GetRequiredService<SagaTracker>(),
            provider.GetRequiredService<SteadyTimeProvider>(),
            provider.GetRequiredService<ILogger<SagaOperator>>()),
        provider.GetRequiredService<SteadyTimeProvider>());

    private static SagaDrain CreateDrain(IServiceProvider provider) => new(
        provider.GetRequiredService<ISagaCluster>(),
        provider.GetRequiredService<ISagaOperations>(),
        RequireExecutor(provider),
        provider.GetRequiredService<SagaStarts>(),
        provider.GetRequiredService<SagaCoordinator>(),
        provider.GetRequiredService<SagaRecoveryStatus>(),
        provider.GetRequiredService<RecoveryWakeups>(),
        provider.GetRequiredService<SteadyTimeProvider>(),
        provider.GetRequiredService<ILogger<SagaDrain>>());

    private static ISagaExecutor RequireExecutor(IServiceProvider provider) =>
        provider.GetService<ISagaExecutor>() ?? throw new InvalidOperationException(
            "No saga executor is registered. Call AddSagaRecovery().UseExecutor<T>(), or AddDurableExecutor() from the package SagaRecovery.Executor.");

    private static NpgsqlDataSource RequireDataSource(IServiceProvider provider) =>
        provider.GetService<NpgsqlDataSource>() ?? throw new InvalidOperationException(
            "No NpgsqlDataSource is registered. Call services.AddSingleton(NpgsqlDataSource.Create(connectionString)), "
            + "or AddSagaRecovery().UseStore<T>() for another store.");
}
