using Dapper;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Sagas that ended some time ago.</summary>
public abstract class RetentionTest(PostgresCluster cluster, string isolation = PostgresTest.ReadCommitted) : PostgresTest(cluster, isolation: isolation)
{
    private protected static readonly TimeSpan Month = TimeSpan.FromDays(30);

    private protected static readonly OperatorNote Note = new("ann", "OPS-12");

    private protected async Task<PurgeTally> PurgeAsync(
        Func<string, SagaState, TimeSpan?>? keepOf = null, ISagaRetention? store = null, int batchSize = 200, PurgeEnd expected = PurgeEnd.Complete, ISagaArchive? archive = null)
    {
        var tally = new PurgeTally();
        IReadOnlyList<RetentionWalk> walks = RetentionPolicy.Plan(await Db.Retention.ListDefinitionsAsync(CancellationToken.None), keepOf ?? ((_, _) => Month));
        var turns = new PurgeTurns(store ?? Db.Retention, new PurgePace(batchSize, TimeSpan.Zero), TimeProvider.System);
        PurgeStop stop = await new SagaPurge(store ?? Db.Retention, archive, turns, TimeProvider.System).RunAsync(walks, from: null, tally, CancellationToken.None);
        stop.End.Should().Be(expected);
        return tally;
    }

    private protected Task<RetentionPage> FindAsync(SagaState state) => Db.Retention.FindExpiredAsync(
        new RetentionWalk(state, [new RetentionRule(SagaDatabase.Definition.Hash, Month)]), after: null, 100, CancellationToken.None);

    /// <summary>A saga with two events that reached a state some time ago.</summary>
    private protected async Task<SagaId> EndedAsync(Membership us, SagaState state, TimeSpan ago)
    {
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, events: [SagaDatabase.Event(0, NodeEventType.Started), SagaDatabase.Event(0, NodeEventType.Succeeded, "{\"out\":1}")]);
        await Db.ExecuteAsync(
            """
            update saga_recovery.saga set state = @State, time_created = now() - @Ago - interval '1 hour', adopt_time = now() - @Ago - interval '1 hour',
                time_ended = case when @State not in ('running', 'unwinding') then now() - @Ago end,
                abandon_time = case when @State = 'abandoned' then now() - @Ago end, abandon_reason = case when @State = 'abandoned' then 'test' end,
                abandon_comment = case when @State = 'abandoned' then 'test' end
            where id = @Id;
            update saga_recovery.saga_node_event set event_time = now() - @Ago where saga_id = @Id;
            """,
            new { Id = saga.Value, State = SagaNames.Of(state), Ago = ago });
        return saga;
    }

    private protected async Task<IEnumerable<SagaId>> IdsAsync()
    {
        await using NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        return (await connection.QueryAsync<Guid>("select id from saga_recovery.saga order by id")).Select(id => new SagaId(id));
    }

    private protected async Task<IEnumerable<string>> StatesAsync()
    {
        await using NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        return await connection.QueryAsync<string>("select state from saga_recovery.saga order by id");
    }

    private protected Task<DateTime?> TimeEndedAsync(SagaId saga) => Db.QueryAsync<DateTime?>("select time_ended from saga_recovery.saga where id = @Id", new { Id = saga.Value });
}
