using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The store as one process has it, with connections of its own, and without the services that would run by themselves.</summary>
internal sealed class ProcessStore : IAsyncDisposable
{
    private readonly NpgsqlDataSource _source;
    private readonly IHost _host;

    private ProcessStore(string connectionString, CoordinatorId coordinator)
    {
        _source = NpgsqlDataSource.Create(connectionString);
        _host = ServiceHost.Create(_source, coordinator.Value, _ => { });
        Coordinator = coordinator;
    }

    public CoordinatorId Coordinator { get; }

    public NpgsqlDataSource Source => _source;

    public ISagaLog Log => Get<ISagaLog>();

    public ISagaControls Controls => Get<ISagaControls>();

    public Storage.ISagaCluster Cluster => Get<Storage.ISagaCluster>();

    /// <summary>The membership of this process, as of its last join.</summary>
    public Membership Member { get; private set; }

    /// <summary>Opens the store, and joins.</summary>
    public static async Task<ProcessStore> JoinAsync(string connectionString, Guid coordinator)
    {
        var store = new ProcessStore(connectionString, new CoordinatorId(coordinator));
        await store.JoinAsync();
        return store;
    }

    public async Task<Membership> JoinAsync() => Member = await Get<ISagaStore>().JoinAsync(Coordinator, CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        _host.Dispose();
        await _source.DisposeAsync();
    }

    private T Get<T>()
        where T : notnull => _host.Services.GetRequiredService<T>();
}
