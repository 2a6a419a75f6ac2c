using EmbeddedPostgres;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>
/// Rows that several transactions lock at once cost a MultiXactId for each overlap, and many of these force a vacuum of every table of the
/// database. Concurrent starts, writes and heartbeats of several coordinators cost none. On a server of its own: the counter is the server's.
/// </summary>
public sealed class MultiXactTests
{
    private const int Coordinators = 2;
    private const int Writers = 8;
    private const int Rounds = 40;

    [Fact]
    public async Task Starts_writes_and_heartbeats_side_by_side_cost_no_multixact()
    {
        await using ThrowawayCluster cluster = await ThrowawayCluster.StartAsync();
        await using var db = new SagaDatabase(await cluster.NewDatabaseAsync());
        ListeningCoordinator[] lines =
            [.. await Task.WhenAll(Enumerable.Range(0, Coordinators).Select(_ => db.RunHeartbeatAsync(period: TimeSpan.FromMilliseconds(20))))];
        string before = await NextMultiXactAsync(db);

        await Task.WhenAll(lines.SelectMany(line => Enumerable.Range(0, Writers).Select(_ => Task.Run(() => WriteAsync(db, line.Member)))));

        (await db.QueryAsync<long>("select count(*) from saga_recovery.saga where state = 'succeeded'")).Should().Be(Coordinators * Writers * Rounds);
        (await NextMultiXactAsync(db)).Should().Be(before);
        foreach (ListeningCoordinator line in lines)
        {
            await line.DisposeAsync();
        }
    }

    private static async Task WriteAsync(SagaDatabase db, Membership member)
    {
        for (int round = 0; round < Rounds; round++)
        {
            SagaId saga = await db.CreateSagaAsync(member);
            await db.AppendAsync(member, saga, events: SagaDatabase.Event(0, NodeEventType.Started));
            await db.AppendAsync(member, saga, SagaState.Succeeded, SagaDatabase.Event(0, NodeEventType.Succeeded, "{}"));
        }
    }

    private static async Task<string> NextMultiXactAsync(SagaDatabase db)
    {
        await db.ExecuteAsync("checkpoint;");
        return await db.QueryAsync<string>("select next_multixact_id::text from pg_control_checkpoint()");
    }
}
