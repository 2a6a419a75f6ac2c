using Dapper;
using Npgsql;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Coordinators that answer or are silent, and the sagas of each.</summary>
public abstract class ClusterTest(PostgresCluster cluster, Pooler? pooler = null, string isolation = PostgresTest.ReadCommitted) : PostgresTest(cluster, pooler, isolation)
{
    private protected static readonly OperatorNote Note = new("ann", "node 1 is dead");

    /// <summary>A foreign transaction that holds the locks of the statement until it commits.</summary>
    private protected async Task<NpgsqlConnection> BeginAsync(string statement)
    {
        NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        await connection.ExecuteAsync($"begin; {statement}");
        return connection;
    }

    private protected static CoordinatorProfile Runs(params SavedDefinition[] definitions) =>
        new("1.0", [.. definitions.Select(definition => new RunnableDefinition(definition.Hash, definition.Name, definition.Version))]);

    private protected async Task<Membership> SilentAsync()
    {
        Membership member = await Db.JoinAsync();
        await SilenceAsync(member);
        return member;
    }

    private protected Task SilenceAsync(Membership member) => Db.ExecuteAsync(
        "update saga_recovery.saga_coordinator set time_seen = time_seen - interval '1 hour' where id = @Id", new { Id = member.Coordinator.Value });

    private protected async Task<Membership> RevivedAsync(Membership member)
    {
        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set time_seen = clock_timestamp() where id = @Id", new { Id = member.Coordinator.Value });
        return member;
    }

    private protected async Task<List<SagaId>> CreateSagasAsync(Membership owner, int count, SavedDefinition? definition = null)
    {
        List<SagaId> sagas = [];
        for (int i = 0; i < count; i++)
        {
            sagas.Add(await Db.CreateSagaAsync(owner, definition));
        }

        return sagas;
    }

    private protected Task<ReassignOutcome> ReassignAsync(CoordinatorId? from, CoordinatorId[] to, int batchSize = 500) =>
        Db.Cluster.ReassignAsync(new Reassignment(from, to) { BatchSize = batchSize }, Note, CancellationToken.None);

    private protected async Task<ReassignOutcome.Done> ReassignedAsync(CoordinatorId? from, CoordinatorId[] to, int batchSize = 500) =>
        (await ReassignAsync(from, to, batchSize)).Should().BeOfType<ReassignOutcome.Done>().Subject;

    private protected Task<ReassignOutcome> TakeOverAsync(Membership by, CoordinatorObservation silent, params CoordinatorId[] to) =>
        Db.Cluster.TakeOverAsync(by, silent, to, retryAfter: TimeSpan.FromMinutes(1), CancellationToken.None);

    private protected async Task<CoordinatorObservation> SightAsync(CoordinatorId id) =>
        (await Db.Cluster.ReadViewAsync(CancellationToken.None)).Coordinators.Single(one => one.Id == id);

    private protected async Task<IEnumerable<string>> ExplainAsync(string statement)
    {
        await using NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        return await connection.QueryAsync<string>(statement);
    }
}
