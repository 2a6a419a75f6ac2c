using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>A run writes its whole log again, after the database may have lost some of it.</summary>
public class RestoringTests(PostgresCluster cluster, Pooler? pooler = null) : PostgresTest(cluster, pooler)
{
    private static readonly SavedNodeEvent[] s_all =
    [
        SagaDatabase.Event(0, NodeEventType.Started),
        SagaDatabase.Event(0, NodeEventType.Succeeded, "7"),
        SagaDatabase.Event(1, NodeEventType.Started),
        SagaDatabase.Event(1, NodeEventType.Failed, "\"no\""),
    ];

    [Fact]
    public async Task What_the_database_has_lost_is_written_and_what_it_has_is_left_alone()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, events: s_all[0]);

        (await RestoreAsync(us, saga, SagaState.Unwinding)).Should().Be(RestoreOutcome.Restored);
        (await RestoreAsync(us, saga, SagaState.Unwinding)).Should().Be(RestoreOutcome.Restored, "again is harmless");

        SavedSaga present = ((LoadedSaga.Present)(await Db.LoadAsync(us, saga))[0]).Saga;
        present.State.Should().Be(SagaState.Unwinding);
        present.Events.Select(one => (one.NodeId, one.Type, one.Data.Length)).Should().BeEquivalentTo(
            s_all.Select(one => (one.NodeId, one.Type, one.Data.Length)));
    }

    [Fact]
    public async Task An_end_that_is_already_stored_counts_as_restored()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, SagaState.Succeeded, s_all[..2]);

        (await RestoreAsync(us, saga, SagaState.Succeeded, s_all[..2])).Should().Be(RestoreOutcome.Restored);
        (await RestoreAsync(us, saga, SagaState.Running, s_all[..1])).Should().Be(RestoreOutcome.NotOwned, "an ended saga does not come back");
        (await Db.StateOfAsync(saga)).Should().Be("succeeded");
    }

    [Fact]
    public async Task A_log_that_continued_without_the_run_is_left_as_it_is()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, events: [s_all[0], SagaDatabase.Event(0, NodeEventType.Failed, "\"elsewhere\"")]);

        (await RestoreAsync(us, saga, SagaState.Running, s_all[..2])).Should().Be(RestoreOutcome.Superseded);

        (await Db.CountEventsAsync(saga)).Should().Be(2);
        (await Db.StateOfAsync(saga)).Should().Be("running");
    }

    [Fact]
    public async Task A_saga_of_another_owner_and_a_lost_one_are_distinguished()
    {
        Membership us = await Db.JoinAsync();
        SagaId given = await Db.CreateSagaAsync(us);
        SagaId lost = await Db.CreateSagaAsync(us);
        await Db.ReassignAsync(given, (await Db.JoinAsync()).Coordinator);
        await Db.ExecuteAsync("delete from saga_recovery.saga where id = @Id", new { Id = lost.Value });

        (await RestoreAsync(us, given, SagaState.Running)).Should().Be(RestoreOutcome.NotOwned);
        (await RestoreAsync(us, lost, SagaState.Running)).Should().Be(RestoreOutcome.Lost);
        (await Db.NewStore().FindLostAsync(us, [given, lost], CancellationToken.None)).Should().Equal(lost);
        (await Db.CountEventsAsync(given)).Should().Be(0);
    }

    [Fact]
    public async Task A_definition_that_the_database_has_lost_is_inserted_again()
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync("delete from saga_recovery.saga; delete from saga_recovery.saga_definition");

        SagaId saga = await Db.CreateSagaAsync(us);

        (await Db.LoadAsync(us, saga))[0].Should().BeOfType<LoadedSaga.Present>();
    }

    private Task<RestoreOutcome> RestoreAsync(Membership us, SagaId saga, SagaState state, params SavedNodeEvent[] events) => Db.Log.RestoreAsync(
        us, new SagaLogEntry(saga, AdoptGeneration.Initial, events.Length == 0 ? s_all : events, state), CancellationToken.None);
}
