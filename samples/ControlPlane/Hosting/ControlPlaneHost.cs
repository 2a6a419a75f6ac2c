using System.Text.Json;
using System.Text.Json.Serialization;
using ControlPlane.Database;
using ControlPlane.DemoSagas;
using ControlPlane.Operators;
using ControlPlane.Projects;
using EmbeddedPostgres;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Postgres;
using Serilog;

namespace ControlPlane.Hosting;

/// <summary>Builds and runs the service.</summary>
internal static class ControlPlaneHost
{
    private const string DefaultUrl = "http://127.0.0.1:5080";

    /// <summary>Runs the service until it is stopped.</summary>
    /// <returns>The exit code: 1 if it could not start.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            WebApplicationBuilder builder = CreateBuilder(args);
            ListenAddresses.UseDefault(builder, DefaultUrl);
            ListenAddresses.ThrowIfTaken(builder);
            Serilog.ILogger log = UseSerilog(builder);
            AddServices(builder, await SagaDatabase.ResolveAsync(builder, log));
            OperatorAccess.Add(builder, log);
            builder.AddTelemetry();
            await using WebApplication app = builder.Build();
            MapEndpoints(app);
            await app.RunAsync();
            return 0;
        }
        catch (Exception cannotStart) when (
            cannotStart is EmbeddedPostgresException or OptionsValidationException or SettingException
            or InvalidOperationException { InnerException: FormatException }) // a setting of the wrong type; the message names it
        {
            await Console.Error.WriteLineAsync(cannotStart.Message);
            return 1;
        }
    }

    /// <summary>Creates the builder with the usual settings. Without an appsettings.json in the working folder, the one next to the binary applies.</summary>
    public static WebApplicationBuilder CreateBuilder(string[] args) => WebApplication.CreateBuilder(new WebApplicationOptions
    {
        Args = args,
        ContentRootPath = File.Exists("appsettings.json") ? null : AppContext.BaseDirectory,
    });

    public static Serilog.Core.Logger UseSerilog(WebApplicationBuilder builder)
    {
        Serilog.Core.Logger log = new LoggerConfiguration()
            .ReadFrom.Configuration(builder.Configuration)
            .Enrich.With<ShortSource>()
            .CreateLogger();
        builder.Services.AddSerilog(log, dispose: true);
        return log;
    }

    private static NpgsqlDataSource CreateDataSource(IServiceProvider provider, string connectionString) =>
        new NpgsqlDataSourceBuilder(connectionString).UseLoggerFactory(provider.GetRequiredService<ILoggerFactory>()).Build();

    private static void AddServices(WebApplicationBuilder builder, string connectionString)
    {
        IServiceCollection services = builder.Services;
        services.AddSingleton(provider => CreateDataSource(provider, connectionString));
        if (SagaDatabase.Direct(builder.Configuration) is { } direct)
        {
            services.AddKeyedSingleton(PostgresStoreOptions.DirectDataSource, (provider, _) => CreateDataSource(provider, direct));
        }

        services.AddSagaRecovery()
            .AddDurableExecutor()
            .AddSaga<ProjectCreateSaga>()
            .AddSaga<ProjectDeleteSaga>()
            .AddSaga<DemoSaga>()
            .AddSaga<SlowSaga>();
        services.AddHealthChecks().AddSagaRecovery();

        services.AddOptions<ControlPlaneOptions>().BindConfiguration(ControlPlaneOptions.SectionName);
        services.AddSingleton<VpcCreateSaga>(); // a part of ProjectCreateSaga, never started by itself
        services.AddSingleton<ControlPlaneDatabase>();
        services.AddSingleton<SchemaService>();
        services.AddHostedService(provider => provider.GetRequiredService<SchemaService>());
        services.AddSingleton<SagaRunner>();
        services.AddSingleton<DemoReleases>();
        services.AddHostedService<DemoReleasePoller>();

        services.AddProblemDetails();
        services.AddExceptionHandler<Problems>();
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true); // Problems then describes the error
        services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(10));
        builder.WebHost.ConfigureKestrel(options => options.Limits.MaxRequestBodySize = 64 * 1024);
        services.ConfigureHttpJsonOptions(options =>
        {
            options.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            options.SerializerOptions.PropertyNameCaseInsensitive = false;
            options.SerializerOptions.AllowDuplicateProperties = false;
            options.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
        });
    }

    private static void MapEndpoints(WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.MapProjects();
        app.MapDemoSagas();
        app.MapSagaRecovery(configure: OperatorAccess.Configure);
        app.MapTelemetry();
        app.MapHealthChecks("/live", WithTag("live"));
        app.MapHealthChecks("/ready", WithTag("ready"));
    }

    private static HealthCheckOptions WithTag(string tag) => new() { Predicate = check => check.Tags.Contains(tag), ResponseWriter = HealthResponse.WriteAsync };
}
