using Microsoft.Extensions.DependencyInjection.Extensions;
using SagaRecovery.Execution;
using SagaRecovery.Storage;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>What <c>AddSagaRecovery()</c> returns: where an executor or another store is plugged in.</summary>
public sealed class SagaRecoveryBuilder
{
    internal SagaRecoveryBuilder(IServiceCollection services) => Services = services;

    /// <summary>The services of the host.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Uses this executor, as a singleton from the container. The last call wins.</summary>
    public SagaRecoveryBuilder UseExecutor<TExecutor>()
        where TExecutor : class, ISagaExecutor
    {
        Services.TryAddSingleton<TExecutor>();
        Services.Replace(ServiceDescriptor.Singleton<ISagaExecutor>(services => services.GetRequiredService<TExecutor>()));
        return this;
    }

    /// <summary>
    /// Uses this store in place of Postgres, as a singleton from the container; and as the saga log (<see cref="ISagaLog"/>), for what
    /// recovery keeps beside the sagas (<see cref="ISagaControls"/>), for operators (<see cref="ISagaOperations"/>) and for many nodes
    /// (<see cref="ISagaCluster"/>), too, if it is that. The last call wins.
    /// </summary>
    public SagaRecoveryBuilder UseStore<TStore>()
        where TStore : class, ISagaStore
    {
        Services.TryAddSingleton<TStore>();
        Services.Replace(ServiceDescriptor.Singleton<ISagaStore>(services => services.GetRequiredService<TStore>()));
        UseIf<TStore, ISagaLog>();
        if (!UseIf<TStore, ISagaControls>())
        {
            Services.Replace(ServiceDescriptor.Singleton<ISagaControls, NoSagaControls>());
        }

        if (!UseIf<TStore, ISagaOperations>())
        {
            Services.Replace(ServiceDescriptor.Singleton<ISagaOperations, NoSagaOperations>());
        }

        if (!UseIf<TStore, ISagaCluster>())
        {
            Services.Replace(ServiceDescriptor.Singleton<ISagaCluster, NoSagaCluster>());
        }

        return this;
    }

    private bool UseIf<TStore, TRole>()
        where TStore : class
        where TRole : class
    {
        bool plays = typeof(TStore).IsAssignableTo(typeof(TRole));
        if (plays)
        {
            Services.Replace(ServiceDescriptor.Singleton(services => (TRole)(object)services.GetRequiredService<TStore>()));
        }

        return plays;
    }
}
