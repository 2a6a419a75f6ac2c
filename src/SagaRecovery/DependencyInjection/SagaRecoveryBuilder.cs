using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection.Extensions;
using SagaRecovery.Execution;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>The builder that <c>AddSagaRecovery()</c> returns. It registers an executor, or a store other than Postgres.</summary>
public sealed class SagaRecoveryBuilder
{
    internal SagaRecoveryBuilder(IServiceCollection services) => Services = services;

    /// <summary>The service collection of the host.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Registers the executor as a singleton. The last call wins.</summary>
    /// <typeparam name="TExecutor">The executor. The container creates it.</typeparam>
    /// <returns>This builder.</returns>
    public SagaRecoveryBuilder UseExecutor<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TExecutor>()
        where TExecutor : class, ISagaExecutor
    {
        Services.TryAddSingleton<TExecutor>();
        Services.Replace(ServiceDescriptor.Singleton<ISagaExecutor>(services => services.GetRequiredService<TExecutor>()));
        return this;
    }

    /// <summary>Registers a store in place of the Postgres store, as a singleton. The last call wins.</summary>
    /// <typeparam name="TStore">The store. The container creates it.</typeparam>
    /// <returns>This builder.</returns>
    /// <remarks>
    /// <para>The store also takes the role of each optional interface that it implements:</para>
    /// <list type="bullet">
    /// <item><see cref="ISagaLog"/>: the log of the durable executor.</item>
    /// <item><see cref="ISagaReader"/>: results of sagas that other processes run. Without it, they throw <see cref="NotSupportedException"/>.</item>
    /// <item><see cref="ISagaTransactions"/>: starts in transactions of their callers, and transactional nodes. Without it, starts throw <see cref="NotSupportedException"/>.</item>
    /// <item><see cref="ISagaProblems"/>: the problems of the whole store, and acknowledgements. Without it, those of the process are listed.</item>
    /// <item><see cref="ISagaDefinitions"/>: definitions for operators, and refusal of changed shapes. Without it, none is refused.</item>
    /// <item><see cref="ISagaControls"/>: heartbeats, holds, pauses and the crash-loop guard. Without it, recovery works without them.</item>
    /// <item><see cref="ISagaOperations"/>: queries and operator actions. Without it, they throw <see cref="NotSupportedException"/>.</item>
    /// <item><see cref="ISagaRetention"/>: deletion of ended sagas by age. Without it, none is deleted.</item>
    /// <item><see cref="ISagaCluster"/>: reassigning sagas. Without it, the operations throw <see cref="NotSupportedException"/>.</item>
    /// </list>
    /// </remarks>
    public SagaRecoveryBuilder UseStore<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TStore>()
        where TStore : class, ISagaStore
    {
        Services.TryAddSingleton<TStore>();
        Services.Replace(ServiceDescriptor.Singleton<ISagaStore>(services => services.GetRequiredService<TStore>()));
        TryUseAs<TStore, ISagaLog>();
        if (!TryUseAs<TStore, ISagaReader>())
        {
            Services.Replace(ServiceDescriptor.Singleton<ISagaReader, NoSagaReader>());
        }

        if (!TryUseAs<TStore, ISagaTransactions>())
        {
            Services.Replace(ServiceDescriptor.Singleton<ISagaTransactions, NoSagaTransactions>());
        }

        if (!TryUseAs<TStore, ISagaProblems>())
        {
            Services.Replace(ServiceDescriptor.Singleton<ISagaProblems>(provider => new NoSagaProblems(provider.GetRequiredService<SteadyTimeProvider>())));
        }

        if (!TryUseAs<TStore, ISagaDefinitions>())
        {
            Services.Replace(ServiceDescriptor.Singleton<ISagaDefinitions, NoSagaDefinitions>());
        }

        if (!TryUseAs<TStore, ISagaControls>())
        {
            Services.Replace(ServiceDescriptor.Singleton<ISagaControls, NoSagaControls>());
        }

        if (!TryUseAs<TStore, ISagaOperations>())
        {
            Services.Replace(ServiceDescriptor.Singleton<ISagaOperations, NoSagaOperations>());
        }

        if (!TryUseAs<TStore, ISagaCluster>())
        {
            Services.Replace(ServiceDescriptor.Singleton<ISagaCluster, NoSagaCluster>());
        }

        if (!TryUseAs<TStore, ISagaRetention>())
        {
            Services.Replace(ServiceDescriptor.Singleton<ISagaRetention, NoSagaRetention>());
        }

        return this;
    }

    private bool TryUseAs<TStore, TRole>()
        where TStore : class
        where TRole : class
    {
        bool implements = typeof(TStore).IsAssignableTo(typeof(TRole));
        if (implements)
        {
            Services.Replace(ServiceDescriptor.Singleton(services => (TRole)(object)services.GetRequiredService<TStore>()));
        }

        return implements;
    }
}
