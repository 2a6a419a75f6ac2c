using SagaRecovery.Executor.Tests.Support;

namespace SagaRecovery.Executor.Tests.Postgres;

public sealed class RefusedSchemaTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>
{
    [Fact]
    public async Task A_start_on_tables_that_are_too_new_ends()
    {
        string database = await cluster.NewDatabaseAsync();
        var saga = new TestSaga("one", define => define.Node("only", _ => Task.CompletedTask));
        await using (PostgresHost first = await PostgresHost.StartAsync(database, Guid.NewGuid(), saga))
        {
            await first.ActivateAsync();
            await first.ExecuteAsync("insert into saga_recovery.schema_version (version) values (99)");
        }

        await using PostgresHost host = await PostgresHost.StartAsync(database, Guid.NewGuid(), saga);
        Func<Task> starting = () => host.Client.StartAsync(saga, "x").WaitAsync(TimeSpan.FromSeconds(10));
        await starting.Should().ThrowAsync<InvalidOperationException>();
    }
}
