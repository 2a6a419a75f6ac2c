using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>Sagas that hold every connection of the host's pool.</summary>
public sealed class OwnPoolTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>
{
    private const int PoolSize = 5;
    private readonly Gate _gate = new();

    [Fact]
    public async Task Sagas_that_hold_all_connections_of_the_host_stop_neither_the_log_nor_a_pass()
    {
        NpgsqlDataSource? pool = null;
        var greedy = new TestSaga("greedy", saga => saga.Node("hold", async context =>
        {
            await using NpgsqlConnection held = await pool!.OpenConnectionAsync(context.CancellationToken);
            await _gate.PassAsync(context.CancellationToken);
        }));
        var quick = new TestSaga("quick", saga => saga.Node("only", _ => Task.CompletedTask));
        string database = new NpgsqlConnectionStringBuilder(await cluster.NewDatabaseAsync()) { MaxPoolSize = PoolSize, Timeout = 5 }.ConnectionString;
        await using PostgresHost host = await PostgresHost.StartAsync(database, Guid.NewGuid(), greedy, quick);
        pool = host.Services.GetRequiredService<NpgsqlDataSource>();
        await host.ActivateAsync();
        SagaHandle[] holding = await Task.WhenAll(Enumerable.Range(0, PoolSize).Select(_ => host.Client.StartAsync(greedy, "")));
        for (int i = 0; i < PoolSize; i++)
        {
            await _gate.ArrivalAsync();
        }

        (await (await host.Client.StartAsync(quick, "")).Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        (await host.ActivateAsync()).Result.Should().Be(PassResult.Completed);

        _gate.Open();
        await Task.WhenAll(holding.Select(saga => saga.Completion)).Soon();
    }
}
