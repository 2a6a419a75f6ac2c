using EmbeddedPostgres;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Executor.Tests.Support;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>A server that neither answers nor refuses, as one whose machine hangs: all its processes are stopped.</summary>
public sealed class FrozenServerTests : IAsyncLifetime
{
    private readonly Gate _gate = new();
    private ThrowawayCluster _cluster = null!;
    private int[] _processes = [];

    public async ValueTask InitializeAsync() => _cluster = await ThrowawayCluster.StartAsync();

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task A_host_whose_shutdown_timeout_has_passed_stops()
    {
        // The longest that Npgsql accepts: a wait for the server would last half an hour.
        var connection = new NpgsqlConnectionStringBuilder(await _cluster.NewDatabaseAsync()) { Timeout = 1024, CommandTimeout = 0 };
        var saga = new TestSaga("gated", builder => builder.Node("only", context => _gate.PassAsync(context.CancellationToken)));
        await using PostgresHost host = await PostgresHost.StartAsync(
            connection.ConnectionString, Guid.NewGuid(), options => options.HeartbeatPeriod = TimeSpan.FromMilliseconds(50), saga);
        await host.ActivateAsync();
        await host.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();
        await FreezeAsync();
        try
        {
            _gate.Open(); // its end is to be written
            _ = host.Services.GetRequiredService<SagaRecoveryTrigger>().ActivateAsync();
            await Eventually.HoldsAsync(() => host.Status.Current.CurrentPass is not null, "a pass waits for the server");
            using var timeUp = new CancellationTokenSource();

            Task stopping = Task.Run(() => host.StopAsync(timeUp.Token));
            await timeUp.CancelAsync();

            await Task.WhenAny(stopping, Task.Delay(TimeSpan.FromMinutes(2)));
            stopping.IsCompleted.Should().BeTrue("nothing waits for the server");
        }
        finally
        {
            await ServerProcesses.SignalAsync("CONT", _processes);
        }
    }

    /// <summary>The server before its children, or it would start more.</summary>
    private async Task FreezeAsync()
    {
        int server = ServerProcesses.Of(Path.Combine(_cluster.Cluster.Folder, "pgdata"))!.Value;
        _processes = [server];
        await ServerProcesses.SignalAsync("STOP", server);
        _processes = [server, .. ServerProcesses.ChildrenOf(server)];
        await ServerProcesses.SignalAsync("STOP", _processes);
    }
}
