using ControlPlane.Database;
using ControlPlane.DemoSagas;
using ControlPlane.Projects;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery;

namespace ControlPlane.Tests.Support;

/// <summary>The sample's sagas in a host of this process, where failures can be injected.</summary>
internal sealed class SagaHost : IAsyncDisposable
{
    private readonly IHost _host;

    private SagaHost(IHost host) => _host = host;

    public ProjectCreateSaga Create => _host.Services.GetRequiredService<ProjectCreateSaga>();

    public ProjectDeleteSaga Delete => _host.Services.GetRequiredService<ProjectDeleteSaga>();

    public static async Task<SagaHost> StartAsync(string connectionString, Guid coordinatorId)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration["SagaRecovery:CoordinatorId"] = coordinatorId.ToString();
        builder.Configuration["SagaRecovery:Postgres:CreateSchema"] = "true";
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddSingleton(_ => NpgsqlDataSource.Create(connectionString));
        builder.Services.AddSagaRecovery().AddDurableExecutor().AddSaga<ProjectCreateSaga>().AddSaga<ProjectDeleteSaga>().AddSaga<DemoSaga>();
        builder.Services.AddSingleton<VpcCreateSaga>().AddSingleton<ControlPlaneDatabase>().AddSingleton<DemoReleases>().AddSingleton<SchemaService>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<SchemaService>());

        IHost host = builder.Build();
        await host.StartAsync();
        await host.Services.GetRequiredService<SchemaService>().Ready.WaitAsync(TimeSpan.FromSeconds(30));
        return new SagaHost(host);
    }

    /// <summary>Runs a saga to its end.</summary>
    public async Task<SagaResult> RunAsync<TParameters>(Saga<TParameters> saga, TParameters parameters, SagaInjections? inject = null)
    {
        SagaHandle handle = await _host.Services.GetRequiredService<SagaClient>()
            .StartAsync(saga, parameters, new SagaStartOptions { Inject = inject });
        return await handle.Completion.WaitAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }
}
