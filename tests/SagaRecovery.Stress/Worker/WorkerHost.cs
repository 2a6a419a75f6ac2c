using ControlPlane.Hosting;
using ControlPlane.Operators;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace SagaRecovery.Stress.Worker;

/// <summary>A service with nothing but recovery, and sagas of which some are poison.</summary>
internal static class WorkerHost
{
    /// <summary>The argument that makes this program a worker.</summary>
    public const string Verb = "worker";

    /// <summary>Runs until it is asked to stop.</summary>
    public static async Task<int> RunAsync(string[] settings)
    {
        WebApplicationBuilder builder = ControlPlaneHost.CreateBuilder(settings);
        OperatorAccess.Add(builder, ControlPlaneHost.UseSerilog(builder));
        builder.Services.AddSingleton(_ => NpgsqlDataSource.Create(builder.Configuration["ConnectionStrings:Sagas"]!));
        builder.Services.AddSagaRecovery()
            .AddDurableExecutor()
            .AddSaga<GoodSaga>()
            .AddSaga<FlappingSaga>()
            .AddSaga<HugeSaga>()
            .AddSaga<OversizedSaga>()
            .AddSaga<EndlessSaga>()
            .AddSaga<MisreadSaga>()
            .AddSaga<SlowSaga>()
            .AddSaga<KillerSaga>();
        builder.Services.AddSingleton<ExecutionJournal>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(2)); // endless actions never end
        await using WebApplication app = builder.Build();
        app.MapSagaRecovery(configure: OperatorAccess.Configure);
        await app.RunAsync();
        return 0;
    }
}
