using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>A service as a user would build it. Its log holds warnings only: the console is not measured.</summary>
internal static class ServiceHost
{
    /// <param name="source">Its database.</param>
    /// <param name="coordinator">The coordinator that it runs as.</param>
    /// <param name="useExecutor">Plugs an executor in.</param>
    public static IHost Create(NpgsqlDataSource source, Guid coordinator, Action<SagaRecoveryBuilder> useExecutor)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddSingleton(source);
        useExecutor(builder.Services.AddSagaRecovery(options => options.CoordinatorId = new CoordinatorId(coordinator)));
        return builder.Build();
    }

    /// <summary>With an executor that runs nothing and only records the resumed sagas.</summary>
    public static IHost CreateNoOp(NpgsqlDataSource source, Guid coordinator, Arrivals arrivals) =>
        Create(source, coordinator, recovery => recovery.UseExecutor<NoOpExecutor>().Services.AddSingleton(arrivals));
}
