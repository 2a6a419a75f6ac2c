using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace SagaRecovery;

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
    /// Uses this store in place of Postgres, as a singleton from the container; as the saga log, too, if it is an
    /// <see cref="ISagaLog"/>. The last call wins.
    /// </summary>
    public SagaRecoveryBuilder UseStore<TStore>()
        where TStore : class, ISagaStore
    {
        Services.TryAddSingleton<TStore>();
        Services.Replace(ServiceDescriptor.Singleton<ISagaStore>(services => services.GetRequiredService<TStore>()));
        if (typeof(TStore).IsAssignableTo(typeof(ISagaLog)))
        {
            Services.Replace(ServiceDescriptor.Singleton(services => (ISagaLog)services.GetRequiredService<TStore>()));
        }

        return this;
    }
}
