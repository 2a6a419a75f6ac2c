using EmbeddedPostgres;
using SagaRecovery.Fencing;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>On a lagging standby, running sagas would appear finished.</summary>
public sealed class StandbyTests
{
    [Fact]
    public async Task A_server_in_recovery_is_refused()
    {
        await using ThrowawayCluster cluster = await ThrowawayCluster.StartAsync();
        string database = await cluster.NewDatabaseAsync();
        Membership us;
        SagaId saga;
        await using (var primary = new SagaDatabase(database))
        {
            us = await primary.JoinAsync();
            saga = await primary.CreateSagaAsync(us);
        }

        await cluster.Cluster.StopAsync();
        await File.WriteAllTextAsync(Path.Combine(cluster.Cluster.Folder, "pgdata", "standby.signal"), "");
        await cluster.Cluster.StartAsync();

        await using var standby = new SagaDatabase(database, new() { CreateSchema = false });
        await RefusedAsync(() => standby.ListAsync(us));
        await RefusedAsync(() => standby.LoadAsync(us, saga));
        await RefusedAsync(() => standby.JoinAsync(us.Coordinator));
        (await standby.StateOfAsync(saga)).Should().Be("running", "the standby itself answers");
    }

    private static async Task RefusedAsync(Func<Task> ask) =>
        (await ask.Should().ThrowAsync<InvalidOperationException>()).WithMessage("*in recovery (a standby)*primary*");
}
