using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Executor;
using SagaRecovery.Hosting;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the durable executor and saga definitions with <c>AddSagaRecovery()</c>.</summary>
public static class DurableExecutorExtensions
{
    /// <summary>Registers the durable executor, and <see cref="SagaClient"/> to start sagas with.</summary>
    /// <param name="builder">The builder that <c>AddSagaRecovery()</c> returned.</param>
    /// <param name="configure">
    /// Changes the settings after they are read from <see cref="DurableExecutorOptions.SectionName"/>. Null to leave them unchanged.
    /// </param>
    /// <returns>The same builder.</returns>
    /// <remarks>Repeated calls are allowed. Each <paramref name="configure"/> is applied, in the order of the calls.</remarks>
    /// <example>
    /// <code>
    /// builder.Services.AddSingleton(NpgsqlDataSource.Create(connectionString));
    /// builder.Services.AddSagaRecovery()
    ///     .AddDurableExecutor(options => options.MaxRunningSagas = 200)
    ///     .AddSaga&lt;OrderSaga&gt;();
    /// </code>
    /// </example>
    public static SagaRecoveryBuilder AddDurableExecutor(
        this SagaRecoveryBuilder builder, Action<DurableExecutorOptions>? configure = null)
    {
        IServiceCollection services = builder.Services;
        if (!services.Any(service => service.ServiceType == typeof(DurableExecutor)))
        {
            services.AddOptions<DurableExecutorOptions>().Configure<IConfiguration>(DurableExecutorBinding.Bind)
                .AddValidation(DurableExecutorOptions.SectionName, DurableExecutorOptions.Durations);
            services.AddSingleton<IValidateOptions<DurableExecutorOptions>, DurableExecutorOptionsValidator>();
            services.AddSingleton(provider => SagaConstruction.CreateRegistry(() => CreateRegistry(provider)));
            services.AddSingleton(CreateExecutor);
            services.AddSingleton<SagaClient>(CreateClient);

            // Must stay the first hosted service. Hosted services stop in reverse order, so recovery and the endpoints have stopped
            // before the executor does, and neither passes a saga to a closed executor.
            services.Insert(0, ServiceDescriptor.Singleton<IHostedService>(provider => provider.GetRequiredService<DurableExecutor>()));
        }

        if (configure is not null)
        {
            services.Configure(configure);
        }

        return builder.UseExecutor<DurableExecutor>();
    }

    /// <summary>Registers a saga definition. The host validates the definition when it starts.</summary>
    /// <typeparam name="TSaga">The type of the definition.</typeparam>
    /// <param name="builder">The builder that <c>AddSagaRecovery()</c> returned.</param>
    /// <param name="lifetime">
    /// The lifetime of the class. As a singleton, the default, one instance serves all sagas. As a scoped service, each attempt of a step has
    /// an instance, from the same scope as <see cref="NodeContext{TParameters}.Services"/>, so that its constructor can take a
    /// <c>DbContext</c>. A transient class is resolved from that scope, too. A class that is registered already keeps its lifetime.
    /// </param>
    /// <returns>The same builder.</returns>
    public static SagaRecoveryBuilder AddSaga<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TSaga>(
        this SagaRecoveryBuilder builder, ServiceLifetime lifetime = ServiceLifetime.Singleton)
        where TSaga : Saga => Add<TSaga>(builder, lifetime, isFormer: false);

    /// <summary>
    /// Registers a former shape of a saga: its unfinished sagas are resumed, and none is started. Its class may have the name and version of a
    /// class that <see cref="AddSaga"/> registers, but not the same nodes.
    /// </summary>
    /// <typeparam name="TSaga">The type of the former definition.</typeparam>
    /// <param name="builder">The builder that <c>AddSagaRecovery()</c> returned.</param>
    /// <param name="lifetime">The lifetime of the class, as for <see cref="AddSaga"/>.</param>
    /// <returns>The same builder.</returns>
    /// <remarks>
    /// <para>
    /// Raise the version when the nodes change, and this method is not needed. It is for a shape that has changed under the same version, and for
    /// the class of an older version of which no saga may start any more.
    /// </para>
    /// <para>
    /// Several former shapes can be registered. Remove one once <c>saga-recovery definitions list</c> says that no unfinished saga has it. A
    /// saga whose nodes depend on the parameters runs with the first definition whose nodes are the stored ones: the present one, then the former
    /// ones in the order of their registration.
    /// </para>
    /// </remarks>
    /// <example>
    /// <code>
    /// builder.Services.AddSagaRecovery()
    ///     .AddDurableExecutor()
    ///     .AddSaga&lt;CreateVm&gt;()
    ///     .AddFormerSaga&lt;CreateVmWithoutBackup&gt;();
    /// </code>
    /// </example>
    public static SagaRecoveryBuilder AddFormerSaga<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TSaga>(
        this SagaRecoveryBuilder builder, ServiceLifetime lifetime = ServiceLifetime.Singleton)
        where TSaga : Saga => Add<TSaga>(builder, lifetime, isFormer: true);

    private static SagaRecoveryBuilder Add<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TSaga>(
        SagaRecoveryBuilder builder, ServiceLifetime lifetime, bool isFormer)
        where TSaga : Saga
    {
        builder.Services.TryAdd(ServiceDescriptor.Describe(typeof(TSaga), typeof(TSaga), lifetime));
        bool isSingleton = builder.Services.Last(service => service.ServiceType == typeof(TSaga)).Lifetime == ServiceLifetime.Singleton;
        builder.Services.AddSingleton(new SagaResolver(scope => new RegisteredSaga(
            SagaConstruction.Create(scope.GetRequiredService<TSaga>),
            isSingleton ? null : services => services.GetRequiredService<TSaga>()) { IsFormer = isFormer }));
        return builder;
    }

    [SuppressMessage("Usage", "VSTHRD002", Justification = "The container creates services synchronously, and a scoped service may be disposable only asynchronously.")]
    private static SagaRegistry CreateRegistry(IServiceProvider provider)
    {
        AsyncServiceScope scope = provider.CreateAsyncScope(); // for the definitions of scoped sagas
        try
        {
            IEnumerable<RegisteredSaga> sagas = provider.GetServices<SagaResolver>().Select(resolve => resolve(scope.ServiceProvider));
            return new SagaRegistry(sagas, provider.GetRequiredService<IOptions<DurableExecutorOptions>>());
        }
        finally
        {
            scope.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static DurableExecutor CreateExecutor(IServiceProvider provider) => new(
        provider.GetRequiredService<SagaRegistry>(),
        provider.GetRequiredService<SagaCoordinator>(),
        provider.GetRequiredService<SagaStarts>(),
        provider.GetRequiredService<ISagaLog>(),
        provider.GetRequiredService<SteadyTimeProvider>(),
        provider.GetRequiredService<IOptions<DurableExecutorOptions>>(),
        provider.GetRequiredService<ILogger<DurableExecutor>>(),
        provider.GetService<IMeterFactory>(),
        provider.GetRequiredService<IServiceScopeFactory>(),
        provider.GetService<ShutdownBudget>(),
        provider.GetService<ISagaOperations>(),
        provider.GetService<ISagaReader>(),
        provider.GetService<ISagaTransactions>());

    private static DurableSagaClient CreateClient(IServiceProvider provider) => new(
        // Must not be resolved before the first call: a saga class may take the client in its constructor, and both need the saga classes.
        new Lazy<SagaRegistry>(provider.GetRequiredService<SagaRegistry>),
        new Lazy<DurableExecutor>(provider.GetRequiredService<DurableExecutor>),
        provider.GetRequiredService<SagaCoordinator>(),
        provider.GetRequiredService<SagaStarts>(),
        provider.GetRequiredService<ISagaLog>(),
        provider.GetService<ISagaOperations>() ?? new NoSagaOperations(), // a store of the user need not have them
        provider.GetService<ISagaReader>() ?? new NoSagaReader(),
        provider.GetService<ISagaTransactions>() ?? new NoSagaTransactions(),
        provider.GetService<ISagaDefinitions>() ?? new NoSagaDefinitions(),
        provider.GetRequiredService<TimeProvider>(),
        provider.GetRequiredService<IOptions<DurableExecutorOptions>>());
}
