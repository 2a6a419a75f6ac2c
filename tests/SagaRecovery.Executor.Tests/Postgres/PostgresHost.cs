using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery.Coordinators;
using SagaRecovery.Operations;
using SagaRecovery.Postgres;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>A host as a user would build it: recovery and the durable executor on a real Postgres.</summary>
internal sealed class PostgresHost : IAsyncDisposable
{
    private readonly IHost _host;
    private readonly NpgsqlDataSource _dataSource;
    private readonly Saga<string>[] _sagas;

    private PostgresHost(string connectionString, Guid coordinator, Action<SagaRecoveryOptions>? configure, Action<IServiceCollection>? services, Saga<string>[] sagas)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        _dataSource = NpgsqlDataSource.Create(connectionString);
        _sagas = sagas;
        builder.Services.AddSingleton(_dataSource);
        builder.Services.AddSagaRecovery(options =>
        {
            options.CoordinatorId = new CoordinatorId(coordinator);
            options.RetryDelay = TimeSpan.FromMilliseconds(50);
            options.LoadBatchSize = 7;
            configure?.Invoke(options);
        }).AddDurableExecutor();
        builder.Services.Configure<PostgresStoreOptions>(options => options.CreateSchema = true);
        foreach (Saga<string> saga in sagas)
        {
            builder.Services.AddSingleton(new SagaResolver(_ => new RegisteredSaga(saga)));
        }

        services?.Invoke(builder.Services);
        _host = builder.Build();
    }

    public SagaClient Client => _host.Services.GetRequiredService<SagaClient>();

    public SagaCoordinator Coordinator => _host.Services.GetRequiredService<SagaCoordinator>();

    public IServiceProvider Services => _host.Services;

    public SagaOperator Operator => _host.Services.GetRequiredService<SagaOperator>();

    public SagaRecoveryStatus Status => _host.Services.GetRequiredService<SagaRecoveryStatus>();

    public static Task<PostgresHost> StartAsync(string connectionString, Guid coordinator, params Saga<string>[] sagas) =>
        StartAsync(connectionString, coordinator, configure: null, sagas);

    public static Task<PostgresHost> StartAsync(
        string connectionString, Guid coordinator, Action<SagaRecoveryOptions>? configure, params Saga<string>[] sagas) =>
        StartAsync(new PostgresHost(connectionString, coordinator, configure, services: null, sagas));

    /// <summary>A host with more services, such as former shapes.</summary>
    public static Task<PostgresHost> StartAsync(string connectionString, Guid coordinator, Action<IServiceCollection> services, params Saga<string>[] sagas) =>
        StartAsync(new PostgresHost(connectionString, coordinator, configure: null, services, sagas));

    /// <summary>A host that writes no heartbeat and receives no hint: its listener connection leads nowhere.</summary>
    public static Task<PostgresHost> StartOutOfTouchAsync(string connectionString, Guid coordinator, params Saga<string>[] sagas) =>
        StartAsync(new PostgresHost(
            connectionString,
            coordinator,
            configure: null,
            services => services.AddKeyedSingleton(PostgresStoreOptions.DirectDataSource, (_, _) => NpgsqlDataSource.Create("Host=127.0.0.1;Port=1")),
            sagas));

    public Saga<string> Saga(string name) => _sagas.Single(saga => saga.Name == name);

    public Task<PassReport> ActivateAsync() =>
        _host.Services.GetRequiredService<SagaRecoveryTrigger>().ActivateAsync().WaitAsync(TimeSpan.FromSeconds(60));

    public async Task ExecuteAsync(string sql, object? parameters = null)
    {
        await using NpgsqlConnection connection = await _dataSource.OpenConnectionAsync();
        await connection.ExecuteAsync(sql, parameters);
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using NpgsqlConnection connection = await _dataSource.OpenConnectionAsync();
        return (await connection.ExecuteScalarAsync<T>(sql))!;
    }

    public async Task<string> DescribeAsync(SagaId id)
    {
        await using NpgsqlConnection connection = await _dataSource.OpenConnectionAsync();
        return (await connection.ExecuteScalarAsync<string>(
            "select concat_ws(': ', state, abandon_reason, abandon_comment) from saga_recovery.saga where id = @Id", new { Id = id.Value }))!;
    }

    public Task StopAsync(CancellationToken timeUp = default) => _host.StopAsync(timeUp);

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        await _dataSource.DisposeAsync();
    }

    private static async Task<PostgresHost> StartAsync(PostgresHost host)
    {
        await host._host.StartAsync();
        return host;
    }
}
