using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Postgres;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Two services with the same coordinator id by mistake.</summary>
public sealed class SharedCoordinatorIdTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    private static readonly string Process = $"{Environment.MachineName}, process {Environment.ProcessId}";
    private readonly CoordinatorId _shared = new(Guid.NewGuid());

    [Fact]
    public async Task Both_logs_name_the_other_process()
    {
        var firstLog = new LogLines();
        var secondLog = new LogLines();
        using IHost first = await StartAsync(firstLog);
        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set host = 'node-7', process_id = 42");
        using IHost second = await StartAsync(secondLog);

        await Eventually.HoldsAsync(() => firstLog.Count(52) == 1, "the fenced process logged its successor");
        MessageOf(firstLog, 52).Should().Contain($"now runs on {Process}").And.Contain("the same CoordinatorId");
        MessageOf(secondLog, 51).Should().Contain("has not shut down: node-7, process 42").And.Contain("the same CoordinatorId");
        await second.StopAsync();
        await first.StopAsync();
    }

    [Fact]
    public async Task A_process_that_was_fenced_alive_is_not_reported_as_crashed()
    {
        var log = new LogLines();
        using IHost first = await StartAsync(new LogLines());
        using IHost second = await StartAsync(log);

        await Eventually.HoldsAsync(() => log.Count(30) == 1, "the second process logged how the first ended");
        MessageOf(log, 30).Should().StartWith("the previous process did not shut down: it crashed, was killed, or still runs");
        await second.StopAsync();
        await first.StopAsync();
    }

    [Theory]
    [InlineData(0, "the number is that of the present process, as in a container that restarts")]
    [InlineData(int.MaxValue, "no process has the number")]
    public async Task A_successor_of_a_killed_process_on_the_same_host_does_not_warn_of_a_shared_id(int processId, string because)
    {
        var log = new LogLines();
        using IHost first = await StartAsync(new LogLines());
        await Db.ExecuteAsync(
            "update saga_recovery.saga_coordinator set process_id = @processId", new { processId = processId == 0 ? Environment.ProcessId : processId });
        using IHost second = await StartAsync(log);

        log.Count(51).Should().Be(0, because);
        await second.StopAsync();
        await first.StopAsync();
    }

    [Fact]
    public async Task A_successor_of_a_process_that_has_shut_down_warns_of_nothing()
    {
        var log = new LogLines();
        using (IHost first = await StartAsync(new LogLines()))
        {
            await first.StopAsync();
        }

        using IHost second = await StartAsync(log);

        (log.Count(51), log.Count(30)).Should().Be((0, 0));
        await second.StopAsync();
    }

    private static string MessageOf(LogLines log, int eventId) => log.Lines.Single(line => line.EventId == eventId).Message;

    private async Task<IHost> StartAsync(LogLines log)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Trace).AddProvider(log);
        builder.Services.AddSingleton(_ => NpgsqlDataSource.Create(Db.Direct));
        builder.Services.AddSagaRecovery(options =>
        {
            options.CoordinatorId = _shared;
            options.HeartbeatPeriod = TimeSpan.FromMilliseconds(200);
        }).UseExecutor<AnsweringExecutor>();
        builder.Services.Configure<PostgresStoreOptions>(options => options.CreateSchema = true);
        IHost host = builder.Build();
        await host.StartAsync();
        await host.Services.GetRequiredService<SagaRecoveryTrigger>().ActivateAsync();
        return host;
    }
}
