using System.Text;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

public class LoadingTests(PostgresCluster cluster, Pooler? pooler = null) : PostgresTest(cluster, pooler)
{
    [Fact]
    public async Task A_log_of_two_thousand_nodes_with_three_events_each_is_loaded_complete()
    {
        Membership us = await Db.JoinAsync();
        SagaId small = await Db.CreateSagaAsync(us);
        SagaId large = await Db.CreateSagaAsync(us);
        SagaId empty = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, small, events: SagaDatabase.Event(0, NodeEventType.Started));
        SavedNodeEvent[] written =
        [
            .. Enumerable.Range(0, 2_000).SelectMany(node => new[]
            {
                SagaDatabase.Event(node, NodeEventType.Started),
                SagaDatabase.Event(node, NodeEventType.Succeeded, $"{{\"node\": {node}}}"),
                SagaDatabase.Event(node, NodeEventType.UndoStarted),
            }),
        ];
        foreach (SavedNodeEvent[] group in written.Chunk(500))
        {
            (await Db.AppendAsync(us, large, newState: null, group)).Should().BeTrue();
        }

        IReadOnlyList<LoadedSaga> loaded = await Db.LoadAsync(us, small, large, empty);

        SavedSaga saga = Present(loaded[1]);
        saga.Events.OrderBy(e => e.NodeId).ThenBy(e => e.Type).Select(Describe).Should().Equal(written.Select(Describe));
        Present(loaded[0]).Events.Should().ContainSingle();
        Present(loaded[2]).Events.Should().BeEmpty();
    }

    [Fact]
    public async Task Stored_data_comes_back_byte_for_byte()
    {
        Membership us = await Db.JoinAsync();
        SavedDefinition odd = SagaDatabase.DefinitionNamed("odd  spacing \\u0000 ünïcode");
        SagaId id = await Db.CreateSagaAsync(us, odd);
        await Db.AppendAsync(us, id, SagaState.Unwinding, SagaDatabase.Event(0, NodeEventType.Started), SagaDatabase.Event(0, NodeEventType.Failed, "{ \"x\" :  1.50 }"));

        SavedSaga saga = Present((await Db.LoadAsync(us, id))[0]);

        saga.State.Should().Be(SagaState.Unwinding);
        saga.Generation.Should().Be(AdoptGeneration.Initial);
        saga.Definition.Dag.ToArray().Should().Equal(odd.Dag.ToArray());
        saga.Definition.Hash.Should().Be(odd.Hash);
        Encoding.UTF8.GetString(saga.Parameters.Span).Should().Be("{\"a\":1}");
        saga.Events.Select(Describe).Should().BeEquivalentTo("0 Started ", "0 Failed { \"x\" :  1.50 }");
    }

    [Fact]
    public async Task A_saga_that_finished_left_or_came_back_since_the_listing_is_superseded()
    {
        Membership us = await Db.JoinAsync();
        Membership others = await Db.JoinAsync();
        SagaId finished = await Db.CreateSagaAsync(us);
        SagaId left = await Db.CreateSagaAsync(us);
        SagaId cameBack = await Db.CreateSagaAsync(us);
        SagaId stalled = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, finished, SagaState.Succeeded);
        await Db.ReassignAsync(left, others.Coordinator);
        await Db.ReassignAsync(cameBack, others.Coordinator);
        await Db.ReassignAsync(cameBack, us.Coordinator);

        IReadOnlyList<LoadedSaga> loaded = await Db.LoadAsync(us, finished, left, cameBack, new SagaId(Guid.NewGuid()), stalled);

        loaded.Take(4).Should().AllBeOfType<LoadedSaga.Superseded>();
        Present(loaded[4]).Id.Should().Be(stalled);
    }

    [Fact]
    public async Task An_event_that_this_version_cannot_read_costs_its_own_saga_only()
    {
        Membership us = await Db.JoinAsync();
        SagaId strange = await Db.CreateSagaAsync(us);
        SagaId good = await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync("alter table saga_recovery.saga_node_event drop constraint saga_node_event_event_type_check");
        await Db.ExecuteAsync(
            "insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, creator) values (@Id, 0, 'paused', @Id)", new { Id = strange.Value });

        IReadOnlyList<LoadedSaga> loaded = await Db.LoadAsync(us, strange, good);

        loaded[0].Should().BeOfType<LoadedSaga.Unreadable>().Which.Error.Should().Contain("paused");
        Present(loaded[1]).Id.Should().Be(good);
    }

    private static SavedSaga Present(LoadedSaga loaded) => loaded.Should().BeOfType<LoadedSaga.Present>().Subject.Saga;

    private static string Describe(SavedNodeEvent e) => $"{e.NodeId} {e.Type} {Encoding.UTF8.GetString(e.Data.Span)}";
}
