using System.Text;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

public class SagaLogTests(PostgresCluster cluster, Pooler? pooler = null) : PostgresTest(cluster, pooler)
{
    [Fact]
    public async Task An_id_is_created_once()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);

        bool again = await Db.Log.CreateAsync(us, new NewSaga(saga, SagaDatabase.Definition, "{}"u8.ToArray()), CancellationToken.None);

        again.Should().BeFalse();
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_definition")).Should().Be(1);
    }

    [Fact]
    public async Task An_id_that_many_create_at_once_is_created_once_and_is_no_error_to_the_others()
    {
        Membership us = await Db.JoinAsync();
        for (int round = 0; round < 30; round++)
        {
            var saga = new NewSaga(SagaId.NewAt(DateTimeOffset.UtcNow), SagaDatabase.Definition, "{}"u8.ToArray());
            bool[] created = await Task.WhenAll(
                Enumerable.Range(0, 8).Select(_ => Task.Run(() => Db.Log.CreateAsync(us, saga, CancellationToken.None))));
            created.Count(one => one).Should().Be(1);
        }
    }

    [Fact]
    public async Task A_new_saga_runs_under_its_creator_at_the_initial_generation()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);

        (await Db.ListAsync(us)).Should().ContainSingle().Which.Should().Be(
            new Bookkeeping.Candidate(saga, "test-saga", AdoptGeneration.Initial) { Definition = SagaDatabase.Definition.Hash.ToKey() });
        (await Db.StateOfAsync(saga)).Should().Be("running");
    }

    [Fact]
    public async Task An_entry_whose_answer_was_lost_can_be_written_again()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        SavedNodeEvent[] events = [SagaDatabase.Event(0, NodeEventType.Started), SagaDatabase.Event(0, NodeEventType.Succeeded, "7")];

        (await Db.AppendAsync(us, saga, SagaState.Succeeded, events)).Should().BeTrue();
        (await Db.AppendAsync(us, saga, SagaState.Succeeded, events)).Should().BeTrue();

        (await Db.CountEventsAsync(saga)).Should().Be(2);
        (await Db.StateOfAsync(saga)).Should().Be("succeeded");
    }

    [Fact]
    public async Task An_event_that_is_in_the_log_already_stays_and_the_rest_of_its_group_is_written()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        SagaId other = await Db.CreateSagaAsync(us);
        SavedNodeEvent[] begun = [SagaDatabase.Event(0, NodeEventType.Started), SagaDatabase.Event(0, NodeEventType.Succeeded, "7")];
        await Db.AppendAsync(us, saga, events: begun);
        SagaLogEntry[] group =
        [
            new(other, AdoptGeneration.Initial, [SagaDatabase.Event(0, NodeEventType.Started), SagaDatabase.Event(0, NodeEventType.Failed, "{}")], SagaState.Unwinding)
            {
                Failure = new SagaFailure("only", "code"),
            },
            new(saga, AdoptGeneration.Initial, [.. begun, SagaDatabase.Event(1, NodeEventType.Started)]),
        ];

        (await Db.Log.AppendAsync(us, group, CancellationToken.None)).Should().Equal(true, true);

        (await Db.CountEventsAsync(saga)).Should().Be(3);
        (await Db.CountEventsAsync(other)).Should().Be(2);
        (await Db.QueryAsync<string>("select error_code from saga_recovery.saga where id = @Id", new { Id = other.Value })).Should().Be("code");
    }

    [Fact]
    public async Task Of_starts_with_one_id_that_are_inserted_together_the_events_belong_to_the_one_that_is_new()
    {
        Membership us = await Db.JoinAsync();
        for (int round = 0; round < 30; round++)
        {
            var id = SagaId.NewAt(DateTimeOffset.UtcNow);
            NewSaga[] starts =
            [
                .. Enumerable.Range(0, 8).Select(i => new NewSaga(id, SagaDatabase.Definition, Encoding.UTF8.GetBytes($"{i}")) { Events = [SagaDatabase.Event(i, NodeEventType.Started)] }),
            ];

            bool[] created = await Task.WhenAll(starts.Select(start => Task.Run(() => Db.Log.CreateAsync(us, start, CancellationToken.None))));

            int first = Array.IndexOf(created, value: true);
            created.Count(one => one).Should().Be(1);
            (await Db.QueryAsync<string>("select params::text from saga_recovery.saga where id = @Id", new { Id = id.Value })).Should().Be($"{first}");
            (await Db.QueryAsync<int>("select node_id from saga_recovery.saga_node_event where saga_id = @Id", new { Id = id.Value })).Should().Be(first);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_start_whose_answer_was_lost_is_recognized_unless_a_step_has_ended_since(bool isUnchanged)
    {
        Membership us = await Db.JoinAsync();
        var saga = new NewSaga(SagaId.NewAt(DateTimeOffset.UtcNow), SagaDatabase.Definition, "{}"u8.ToArray())
        {
            Events = [SagaDatabase.Event(0, NodeEventType.Started), SagaDatabase.Event(1, NodeEventType.Started)],
        };
        await Db.Log.CreateAsync(us, saga, CancellationToken.None);
        if (!isUnchanged)
        {
            await Db.AppendAsync(us, saga.Id, events: SagaDatabase.Event(1, NodeEventType.Succeeded, "7"));
        }

        List<Guid> recognized = await Db.Database.ReadAsync(
            batch => PostgresSagaLog.AddInserted(batch.Add(Db.Database.Statements.FindInsertedBefore), us, [saga]),
            rows => rows.ListAsync(row => row.GetGuid(0)),
            CancellationToken.None);

        recognized.Should().Equal(isUnchanged ? [saga.Id.Value] : []);
    }

    [Fact]
    public async Task Nothing_is_written_about_a_saga_that_has_ended()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, SagaState.Stuck);

        (await Db.AppendAsync(us, saga, events: SagaDatabase.Event(0, NodeEventType.Started))).Should().BeFalse();
        (await Db.AppendAsync(us, saga, SagaState.Succeeded)).Should().BeFalse();

        (await Db.CountEventsAsync(saga)).Should().Be(0);
        (await Db.StateOfAsync(saga)).Should().Be("stuck");
    }

    [Fact]
    public async Task A_group_that_ends_its_saga_can_be_written_again_as_a_whole()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        SagaLogEntry[] group =
        [
            new(saga, AdoptGeneration.Initial, [SagaDatabase.Event(0, NodeEventType.Started)]),
            new(saga, AdoptGeneration.Initial, [SagaDatabase.Event(0, NodeEventType.Failed, "{}")], SagaState.Unwinding),
            new(saga, AdoptGeneration.Initial, [], SagaState.Unwound),
        ];

        (await Db.Log.AppendAsync(us, group, CancellationToken.None)).Should().Equal(true, true, true);
        (await Db.Log.AppendAsync(us, group, CancellationToken.None)).Should().Equal(true, true, true);
        (await Db.CountEventsAsync(saga)).Should().Be(2);
    }

    [Fact]
    public async Task An_ended_saga_takes_no_new_event_not_even_with_the_state_that_it_is_in()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, SagaState.Succeeded);

        (await Db.AppendAsync(us, saga, SagaState.Succeeded, SagaDatabase.Event(0, NodeEventType.Started))).Should().BeFalse();

        (await Db.CountEventsAsync(saga)).Should().Be(0);
    }

    [Fact]
    public async Task An_entry_after_the_end_of_its_saga_in_one_group_is_refused()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        SagaId other = await Db.CreateSagaAsync(us);

        IReadOnlyList<bool> written = await Db.Log.AppendAsync(
            us,
            [
                new SagaLogEntry(saga, AdoptGeneration.Initial, [], SagaState.Stuck),
                new SagaLogEntry(saga, AdoptGeneration.Initial, [SagaDatabase.Event(0, NodeEventType.Started)]),
                new SagaLogEntry(other, AdoptGeneration.Initial, [SagaDatabase.Event(0, NodeEventType.Started)]),
                new SagaLogEntry(saga, AdoptGeneration.Initial, [], SagaState.Succeeded),
            ],
            CancellationToken.None);

        written.Should().Equal(true, false, true, false);
        (await Db.StateOfAsync(saga)).Should().Be("stuck");
        (await Db.CountEventsAsync(saga)).Should().Be(0);
        (await Db.CountEventsAsync(other)).Should().Be(1);
    }

    [Fact]
    public async Task Entries_of_many_sagas_are_answered_one_by_one_and_in_order()
    {
        Membership us = await Db.JoinAsync();
        SagaId first = await Db.CreateSagaAsync(us);
        SagaId second = await Db.CreateSagaAsync(us);
        var unknown = new SagaId(Guid.NewGuid());

        IReadOnlyList<bool> written = await Db.Log.AppendAsync(
            us,
            [
                new SagaLogEntry(first, AdoptGeneration.Initial, [SagaDatabase.Event(0, NodeEventType.Started)]),
                new SagaLogEntry(unknown, AdoptGeneration.Initial, [SagaDatabase.Event(0, NodeEventType.Started)]),
                new SagaLogEntry(second, AdoptGeneration.Initial.Next, [SagaDatabase.Event(0, NodeEventType.Started)]),
                new SagaLogEntry(first, AdoptGeneration.Initial, [SagaDatabase.Event(0, NodeEventType.Failed, "{}")], SagaState.Unwinding),
                new SagaLogEntry(first, AdoptGeneration.Initial, [], SagaState.Unwound),
            ],
            CancellationToken.None);

        written.Should().Equal(true, false, false, true, true);
        (await Db.CountEventsAsync(first)).Should().Be(2);
        (await Db.CountEventsAsync(second)).Should().Be(0);
        (await Db.StateOfAsync(first)).Should().Be("unwound");
    }

    [Fact]
    public async Task Abandoning_records_time_and_reason_and_ends_the_saga()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);

        bool abandoned = await AbandonAsync(us, saga, AdoptGeneration.Initial);

        abandoned.Should().BeTrue();
        (await Db.QueryAsync<string>("select state || ', ' || abandon_reason || ': ' || abandon_comment from saga_recovery.saga where abandon_time <= now()"))
            .Should().Be("abandoned, unrecoverable: node 3 succeeded without having started");
        (await AbandonAsync(us, saga, AdoptGeneration.Initial)).Should().BeFalse("it is abandoned already");
        (await Db.AppendAsync(us, saga, SagaState.Succeeded)).Should().BeFalse();
        (await Db.ListAsync(us)).Should().BeEmpty();
    }

    [Fact]
    public async Task A_saga_that_left_is_not_abandoned()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.ReassignAsync(saga, us.Coordinator);

        (await AbandonAsync(us, saga, AdoptGeneration.Initial)).Should().BeFalse();
        (await Db.StateOfAsync(saga)).Should().Be("running");
    }

    private Task<bool> AbandonAsync(Membership us, SagaId saga, AdoptGeneration generation) => Db.NewStore().AbandonAsync(
        saga, us.Of(generation), new Abandonment("unrecoverable", "node 3 succeeded without having started"), CancellationToken.None);
}
