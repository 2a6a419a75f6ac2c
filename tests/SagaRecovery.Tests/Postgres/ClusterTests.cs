using Dapper;
using Npgsql;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Sagas that change their owner, and what coordinators see of each other.</summary>
public class ClusterTests(PostgresCluster cluster, Pooler? pooler = null) : PostgresTest(cluster, pooler)
{
    private static readonly OperatorNote Note = new("ann", "node 1 is dead");

    [Fact]
    public async Task The_sagas_of_a_silent_coordinator_are_spread_evenly_and_each_taker_is_woken()
    {
        Membership dead = await SilentAsync();
        List<SagaId> sagas = await CreateSagasAsync(dead, 25);
        SagaId ended = sagas[0];
        await Db.AppendAsync(await RevivedAsync(dead), ended, SagaState.Succeeded);
        await SilenceAsync(dead);
        await using CoordinatorLine one = await Db.StayInTouchAsync();
        await using CoordinatorLine two = await Db.StayInTouchAsync();

        ReassignOutcome.Done done = await ReassignedAsync(dead.Coordinator, [one.Id, two.Id], batchSize: 7);

        done.Left.Should().Be(0);
        done.Receipts.Select(receipt => receipt.To).Should().BeEquivalentTo([one.Id, two.Id]);
        done.Receipts.Should().OnlyContain(receipt => receipt.Count == 12);
        (await Db.ListAsync(one.Member)).Concat(await Db.ListAsync(two.Member)).Should().OnlyContain(saga => saga.Generation == new AdoptGeneration(2))
            .And.HaveCount(24).And.NotContain(saga => saga.SagaId == ended);
        await one.HintedAsync(1);
        await two.HintedAsync(1);

        (await ReassignedAsync(dead.Coordinator, [one.Id, two.Id])).Moved.Should().Be(0, "repeating it is harmless");
    }

    [Fact]
    public async Task An_append_that_waits_for_a_reassignment_is_refused()
    {
        Membership slow = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(slow);
        await SilenceAsync(slow);
        await using CoordinatorLine taker = await Db.StayInTouchAsync();
        await using NpgsqlConnection inTheWay = await BeginAsync($"select from saga_recovery.saga where id = '{saga}' for update");

        Task<ReassignOutcome.Done> moving = ReassignedAsync(slow.Coordinator, [taker.Id]); // has the owner's row, waits for the saga's
        await Db.SomebodyWaitsForALockAsync();
        Task<bool> appending = Db.AppendAsync(slow, saga, events: [SagaDatabase.Event(0, NodeEventType.Started)]);
        await Eventually.HoldsAsync(
            async () => await Db.QueryAsync<long>("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") == 2,
            "the append waited, too");
        await inTheWay.ExecuteAsync("commit");

        (await moving).Moved.Should().Be(1);
        (await appending).Should().BeFalse();
        (await Db.CountEventsAsync(saga)).Should().Be(0);
    }

    [Fact]
    public async Task A_reassignment_waits_for_the_owners_writes_under_way()
    {
        Membership slow = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(slow);
        await SilenceAsync(slow);
        await using CoordinatorLine taker = await Db.StayInTouchAsync();
        await using NpgsqlConnection writer = await BeginAsync($"select from saga_recovery.saga_coordinator where id = '{slow.Coordinator}' for share");

        Task<ReassignOutcome.Done> moving = ReassignedAsync(slow.Coordinator, [taker.Id]);
        await Db.SomebodyWaitsForALockAsync();
        moving.IsCompleted.Should().BeFalse();
        await writer.ExecuteAsync("commit");

        (await moving).Moved.Should().Be(1);
        (await Db.ListAsync(taker.Member)).Should().ContainSingle(candidate => candidate.SagaId == saga);
    }

    [Fact]
    public async Task An_owner_that_answers_keeps_its_sagas_unless_that_is_said()
    {
        await using CoordinatorLine owner = await Db.StayInTouchAsync();
        await using CoordinatorLine taker = await Db.StayInTouchAsync();
        SagaId saga = await Db.CreateSagaAsync(owner.Member);

        ReassignOutcome refused = await Db.Cluster.ReassignAsync(new Reassignment(owner.Id, [taker.Id]), Note, CancellationToken.None);
        refused.Should().BeOfType<ReassignOutcome.OwnerAnswers>().Which.Owner.Id.Should().Be(owner.Id);
        (await Db.ListAsync(owner.Member)).Should().ContainSingle();

        ReassignOutcome done = await Db.Cluster.ReassignAsync(
            new Reassignment(owner.Id, [taker.Id]) { EvenIfOwnerAnswers = true }, Note, CancellationToken.None);
        done.Should().BeOfType<ReassignOutcome.Done>().Which.Moved.Should().Be(1);
        (await Db.AppendAsync(owner.Member, saga, events: [SagaDatabase.Event(0, NodeEventType.Started)])).Should().BeFalse("it is another's now");
        await owner.HintedAsync(1);
    }

    [Fact]
    public async Task A_process_that_gives_away_its_own_leaves_a_newer_ones_alone()
    {
        Membership older = await Db.JoinAsync();
        await using var newer = new CoordinatorLine(Db, await Db.JoinAsync(older.Coordinator), new CoordinatorProfile("1.0", Definitions: null), TimeSpan.FromSeconds(1));
        await Db.CreateSagaAsync(newer.Member);
        await using CoordinatorLine taker = await Db.StayInTouchAsync();

        (await GiveAwayAsync(older)).Moved.Should().Be(0);
        (await GiveAwayAsync(newer.Member)).Moved.Should().Be(1);

        async Task<ReassignOutcome.Done> GiveAwayAsync(Membership owner) => (await Db.Cluster.ReassignAsync(
            new Reassignment(owner.Coordinator, [taker.Id]) { EvenIfOwnerAnswers = true, OwnerIncarnation = owner.Incarnation }, Note, CancellationToken.None))
            .Should().BeOfType<ReassignOutcome.Done>().Subject;
    }

    [Fact]
    public async Task An_owner_that_speaks_up_before_its_sagas_are_moved_keeps_them()
    {
        Membership slow = await SilentAsync();
        await Db.CreateSagaAsync(slow);
        await SilenceAsync(slow);
        await using CoordinatorLine taker = await Db.StayInTouchAsync();
        await using NpgsqlConnection beat = await BeginAsync($"update saga_recovery.saga_coordinator set time_seen = clock_timestamp() where id = '{slow.Coordinator}'");

        Task<ReassignOutcome.Done> moving = ReassignedAsync(slow.Coordinator, [taker.Id]);
        await Db.SomebodyWaitsForALockAsync();
        await beat.ExecuteAsync("commit");

        (await moving).Moved.Should().Be(0);
        (await Db.ListAsync(slow)).Should().ContainSingle();
    }

    [Fact]
    public async Task An_owner_that_joins_for_the_first_time_meanwhile_keeps_its_sagas()
    {
        Membership us = await Db.JoinAsync();
        var stranger = new CoordinatorId(Guid.NewGuid());
        await Db.ReassignAsync(await Db.CreateSagaAsync(us), stranger);
        await using CoordinatorLine taker = await Db.StayInTouchAsync();
        await using NpgsqlConnection join = await BeginAsync(
            $"insert into saga_recovery.saga_coordinator (id, incarnation, host, process_id) values ('{stranger}', 1, 'new', 7)");

        Task<ReassignOutcome.Done> moving = ReassignedAsync(stranger, [taker.Id]);
        await Db.SomebodyWaitsForALockAsync();
        await join.ExecuteAsync("commit");

        (await moving).Moved.Should().Be(0);
    }

    [Fact]
    public async Task Whoever_begins_to_drain_meanwhile_gets_nothing()
    {
        Membership dead = await SilentAsync();
        await Db.CreateSagaAsync(dead);
        await SilenceAsync(dead);
        await using CoordinatorLine taker = await Db.StayInTouchAsync();
        await using NpgsqlConnection drain = await BeginAsync(
            $"select from saga_recovery.saga_coordinator where id = '{taker.Id}' for update; update saga_recovery.saga_coordinator set time_draining = now() where id = '{taker.Id}'");

        Task<ReassignOutcome.Done> moving = ReassignedAsync(dead.Coordinator, [taker.Id]);
        await Db.SomebodyWaitsForALockAsync("for key share"); // and not only its next sign of life
        await drain.ExecuteAsync("commit");

        (await moving).Moved.Should().Be(0);
        (await Db.ListAsync(taker.Member)).Should().BeEmpty();
    }

    [Fact]
    public async Task A_drain_waits_for_what_is_being_assigned_to_it()
    {
        Membership taker = await Db.JoinAsync();
        await using NpgsqlConnection reassignment = await BeginAsync($"select from saga_recovery.saga_coordinator where id = '{taker.Coordinator}' for key share");

        Task draining = Db.Cluster.BeginDrainAsync(taker, Note, CancellationToken.None);
        await Db.SomebodyWaitsForALockAsync();
        draining.IsCompleted.Should().BeFalse();
        await reassignment.ExecuteAsync("commit");

        await draining;
    }

    [Fact]
    public async Task Sagas_go_only_to_those_that_can_run_them()
    {
        SavedDefinition rare = SagaDatabase.DefinitionNamed("rare");
        SavedDefinition unknown = SagaDatabase.DefinitionNamed("unknown");
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 4);
        await CreateSagasAsync(dead, 3, rare);
        await CreateSagasAsync(dead, 2, unknown);
        await using CoordinatorLine usual = await Db.StayInTouchAsync(Runs(SagaDatabase.Definition));
        await using CoordinatorLine both = await Db.StayInTouchAsync(Runs(SagaDatabase.Definition, rare));

        ReassignOutcome.Done done = await ReassignedAsync(dead.Coordinator, [usual.Id, both.Id]);

        done.Left.Should().Be(2);
        done.Receipts.Single(receipt => receipt.To == usual.Id).Count.Should().Be(2);
        done.Receipts.Single(receipt => receipt.To == both.Id).Count.Should().Be(5);
        (await Db.ListAsync(dead)).Select(saga => saga.Name).Should().Equal("unknown", "unknown");
    }

    [Fact]
    public async Task What_a_coordinator_can_run_is_what_its_present_process_says()
    {
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 1);
        CoordinatorId taker = new(Guid.NewGuid());
        await using (await Db.StayInTouchAsync(Runs(SagaDatabase.Definition), coordinator: taker))
        {
        }

        await using CoordinatorLine other = await Db.StayInTouchAsync();
        await Db.JoinAsync(taker); // and has said nothing yet
        (await ReassignAsync(dead.Coordinator, [taker])).Should().Be(ReassignOutcome.NobodyToTakeThem.Instance);
        await using CoordinatorLine updated = await Db.StayInTouchAsync(Runs(SagaDatabase.DefinitionNamed("rare")), coordinator: taker);
        (await ReassignedAsync(dead.Coordinator, [taker])).Left.Should().Be(1);

        CoordinatorDetails seen = (await Db.Operations.ListCoordinatorsAsync(CancellationToken.None)).Single(coordinator => coordinator.Id == taker);
        seen.Definitions.Should().Equal("rare v1");
        seen.Version.Should().Be("1.0");
        seen.State.Should().Be(CoordinatorState.Active);
    }

    [Fact]
    public async Task Those_that_left_are_silent_or_drain_get_nothing()
    {
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 1);
        await using CoordinatorLine silent = await Db.StayInTouchAsync();
        await silent.FallSilentAsync();
        await SilenceAsync(silent.Member);
        await using CoordinatorLine left = await Db.StayInTouchAsync();
        await left.FallSilentAsync();
        await Db.Controls.LeaveAsync(left.Member, CancellationToken.None);
        await using CoordinatorLine draining = await Db.StayInTouchAsync();
        await Db.Cluster.BeginDrainAsync(draining.Member, Note, CancellationToken.None);

        (await ReassignAsync(dead.Coordinator, [silent.Id, left.Id, draining.Id, new CoordinatorId(Guid.NewGuid())]))
            .Should().Be(ReassignOutcome.NobodyToTakeThem.Instance);
        (await Db.Cluster.LookAsync(CancellationToken.None)).Coordinators.Select(one => (one.Id, one.State))
            .Should().Contain([(left.Id, CoordinatorState.Gone), (draining.Id, CoordinatorState.Draining), (silent.Id, CoordinatorState.Active)]);
    }

    [Fact]
    public async Task Orphans_and_sagas_that_nobody_owns_are_counted_and_can_be_reassigned()
    {
        await using CoordinatorLine taker = await Db.StayInTouchAsync();
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 2);
        await CreateSagasAsync(taker.Member, 4);
        var stranger = new CoordinatorId(Guid.NewGuid());
        foreach (SagaId saga in await CreateSagasAsync(dead, 3))
        {
            await Db.ReassignAsync(saga, stranger);
        }

        await CreateSagasAsync(dead, 1);
        await Db.ExecuteAsync("update saga_recovery.saga set current_coordinator = null where id = (select id from saga_recovery.saga where current_coordinator = @Id limit 1)", new { Id = dead.Coordinator.Value });

        IReadOnlyList<OwnedSagas> owned = await Db.Cluster.CountUnfinishedAsync(CancellationToken.None);

        owned.Should().HaveCount(4);
        owned.Single(sagas => sagas.Owner == taker.Id).Should().Match<OwnedSagas>(sagas => sagas.IsKnown && sagas.Answers && sagas.Count == null);
        owned.Single(sagas => sagas.Owner == dead.Coordinator).Should().Match<OwnedSagas>(sagas => sagas.IsKnown && !sagas.Answers && sagas.Count == 2);
        owned.Single(sagas => sagas.Owner == stranger).Should().Match<OwnedSagas>(sagas => !sagas.IsKnown && sagas.Count == 3 && sagas.Oldest != null);
        owned.Single(sagas => sagas.Owner == null).Should().Match<OwnedSagas>(sagas => !sagas.IsKnown && sagas.Count == 1);
        (await ReassignedAsync(stranger, [taker.Id])).Moved.Should().Be(3);
        (await ReassignedAsync(from: null, [taker.Id])).Moved.Should().Be(1);
        (await Db.ListAsync(taker.Member)).Should().HaveCount(8);
    }

    [Fact]
    public async Task Finding_owners_does_not_scan_the_sagas()
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync(
            """
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, current_coordinator)
            select gen_random_uuid(), name, creator, definition_hash, params, current_coordinator from saga_recovery.saga, generate_series(1, 20000);
            analyze saga_recovery.saga
            """);

        string plan = string.Join('\n', await ExplainAsync($"explain (analyze, costs off, timing off, summary off) {Db.Database.Cluster.Owners}"));

        plan.Should().Contain("saga_in_progress").And.NotContain("Seq Scan on saga");
        plan.Should().NotContain("rows=20001", "one probe for each owner");
    }

    [Fact]
    public async Task A_taker_has_caught_up_once_it_has_come_to_all_that_it_was_given()
    {
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 3);
        await using CoordinatorLine taker = await Db.StayInTouchAsync();
        ReassignOutcome.Done first = await ReassignedAsync(dead.Coordinator, [taker.Id]);
        RecoveryControls read = await Db.Controls.ReadControlsAsync(taker.Member, CancellationToken.None);
        read.Assigned.Should().Be(first.Receipts.Single().Mark);
        await CreateSagasAsync(dead, 2);
        ReassignOutcome.Done second = await ReassignedAsync(dead.Coordinator, [taker.Id]);
        second.Receipts.Single().Mark.Should().BeGreaterThan(read.Assigned);
        Task<IReadOnlyList<CaughtUp>> both = Db.Cluster.WaitUntilCaughtUpAsync(second.Receipts.ToList(), CancellationToken.None);

        await Db.Controls.NoteCaughtUpAsync(taker.Member, read.Assigned, notRunning: 1, CancellationToken.None);

        (await Db.Cluster.WaitUntilCaughtUpAsync(first.Receipts.ToList(), CancellationToken.None)).Should().Equal(new CaughtUp(taker.Id, 1));
        both.IsCompleted.Should().BeFalse("the second came after that pass had begun");
        await Db.Controls.NoteCaughtUpAsync(taker.Member, second.Receipts.Single().Mark, notRunning: 0, CancellationToken.None);
        (await both).Should().Equal(new CaughtUp(taker.Id, 0));
    }

    [Fact]
    public async Task One_of_several_takes_over_from_a_silent_coordinator_and_none_from_one_that_has_spoken()
    {
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 10);
        await using CoordinatorLine one = await Db.StayInTouchAsync();
        await using CoordinatorLine two = await Db.StayInTouchAsync();
        CoordinatorSighting silent = await SightAsync(dead.Coordinator);

        ReassignOutcome[] outcomes = await Task.WhenAll(
            TakeOverAsync(one.Member, silent, one.Id, two.Id), TakeOverAsync(two.Member, silent, one.Id, two.Id), TakeOverAsync(two.Member, silent, two.Id));

        outcomes.OfType<ReassignOutcome.Done>().Should().ContainSingle().Which.Moved.Should().Be(10);
        outcomes.OfType<ReassignOutcome.NotNeeded>().Should().HaveCount(2);
        (await SightAsync(dead.Coordinator)).State.Should().Be(CoordinatorState.Gone);

        SagaId later = (await CreateSagasAsync(dead, 1)).Single();
        await using var stalled = new CoordinatorLine(Db, dead, new CoordinatorProfile("1.0", Definitions: null), TimeSpan.FromSeconds(1));
        await stalled.HintedAsync(1); // it learns that it was taken over from
        (await SightAsync(dead.Coordinator)).State.Should().Be(CoordinatorState.Active);
        (await TakeOverAsync(one.Member, silent, one.Id)).Should().Be(ReassignOutcome.NotNeeded.Instance);
        (await Db.ListAsync(dead)).Should().ContainSingle(saga => saga.SagaId == later);
    }

    [Fact]
    public async Task A_fenced_process_takes_over_from_nobody()
    {
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 1);
        await using CoordinatorLine taker = await Db.StayInTouchAsync();
        Membership older = await Db.JoinAsync();
        await Db.JoinAsync(older.Coordinator);
        CoordinatorSighting silent = await SightAsync(dead.Coordinator);

        await FluentActions.Awaiting(() => TakeOverAsync(older, silent, taker.Id)).Should().ThrowAsync<CoordinatorFencedException>();

        (await SightAsync(dead.Coordinator)).State.Should().Be(CoordinatorState.Active, "it was not marked as taken over from, either");
        (await Db.ListAsync(dead)).Should().ContainSingle();
    }

    [Fact]
    public async Task What_a_dead_coordinator_had_in_hand_is_suspect_wherever_it_goes()
    {
        Membership dead = await Db.JoinAsync();
        List<SagaId> sagas = await CreateSagasAsync(dead, 3);
        await Db.Controls.NoteInHandAsync(dead, [sagas[1]], CancellationToken.None);
        await SilenceAsync(dead);
        await using CoordinatorLine taker = await Db.StayInTouchAsync();

        await ReassignedAsync(dead.Coordinator, [taker.Id], batchSize: 1);

        (await Db.Controls.ReadControlsAsync(taker.Member, CancellationToken.None)).Suspects.Should().Equal(new Suspect(sagas[1], GroupSize: 1, DeathsAlone: 1));
    }

    [Fact]
    public async Task What_a_live_coordinator_gives_away_is_no_suspect()
    {
        await using CoordinatorLine owner = await Db.StayInTouchAsync();
        SagaId saga = await Db.CreateSagaAsync(owner.Member);
        await Db.Controls.NoteInHandAsync(owner.Member, [saga], CancellationToken.None);
        await using CoordinatorLine taker = await Db.StayInTouchAsync();

        await Db.Cluster.ReassignAsync(new Reassignment(owner.Id, [taker.Id]) { EvenIfOwnerAnswers = true }, Note, CancellationToken.None);

        (await Db.Controls.ReadControlsAsync(taker.Member, CancellationToken.None)).Suspects.Should().BeEmpty();
    }

    [Fact]
    public async Task Coordinators_that_take_from_each_other_at_once_do_not_block_each_other_for_ever()
    {
        await using CoordinatorLine one = await Db.StayInTouchAsync();
        await using CoordinatorLine two = await Db.StayInTouchAsync();
        await CreateSagasAsync(one.Member, 40);
        await CreateSagasAsync(two.Member, 40);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(turn => turn % 2 == 0 ? MoveAsync(one.Id, two.Id) : MoveAsync(two.Id, one.Id)));

        ((await Db.ListAsync(one.Member)).Count + (await Db.ListAsync(two.Member)).Count).Should().Be(80);

        Task MoveAsync(CoordinatorId from, CoordinatorId to) => Db.Cluster.ReassignAsync(
            new Reassignment(from, [to]) { EvenIfOwnerAnswers = true, BatchSize = 3 }, Note, CancellationToken.None);
    }

    [Fact]
    public async Task Levers_pulled_elsewhere_are_hinted_at()
    {
        await using CoordinatorLine owner = await Db.StayInTouchAsync();
        await using var elsewhere = new SagaDatabase(Db.DataSource.ConnectionString);
        SagaId saga = await Db.CreateSagaAsync(owner.Member);
        await elsewhere.Operations.HoldAsync(saga, Note, CancellationToken.None);

        await Db.Operations.ReleaseAsync(saga, Note, CancellationToken.None); // our own: no hint
        await elsewhere.Operations.HoldAsync(saga, Note, CancellationToken.None);
        await elsewhere.Operations.ReleaseAsync(saga, Note, CancellationToken.None);
        await owner.HintedAsync(1);
        await elsewhere.Operations.PauseAsync(owner.Id, Note, CancellationToken.None);
        await elsewhere.Operations.ResumeAsync(owner.Id, Note, CancellationToken.None);
        await owner.HintedAsync(2);

        owner.Hints.Should().Be(2);
    }

    [Fact]
    public async Task Signs_of_life_go_on_while_every_other_connection_is_taken()
    {
        var few = new NpgsqlConnectionStringBuilder(Db.Direct) { MaxPoolSize = 2 };
        await using var busy = new SagaDatabase(few.ConnectionString);
        await using CoordinatorLine line = await busy.StayInTouchAsync(period: TimeSpan.FromMilliseconds(20));
        await using NpgsqlConnection load = await busy.DataSource.OpenConnectionAsync();
        DateTimeOffset seen = (await SightAsync(line.Id)).LastSeen;

        await Eventually.HoldsAsync(
            async () => line.Line.IsCompleted || (await SightAsync(line.Id)).LastSeen > seen.AddMilliseconds(100), "it gave signs of life");
        line.Line.IsCompleted.Should().BeFalse($"{line.Line.Exception}");
    }

    /// <summary>Another's transaction, which holds what the statement locks until it is told to commit.</summary>
    private async Task<NpgsqlConnection> BeginAsync(string statement)
    {
        NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        await connection.ExecuteAsync($"begin; {statement}");
        return connection;
    }

    private static CoordinatorProfile Runs(params SavedDefinition[] definitions) =>
        new("1.0", [.. definitions.Select(definition => new RunnableDefinition(definition.Hash, definition.Name, definition.Version))]);

    private async Task<Membership> SilentAsync()
    {
        Membership member = await Db.JoinAsync();
        await SilenceAsync(member);
        return member;
    }

    private Task SilenceAsync(Membership member) => Db.ExecuteAsync(
        "update saga_recovery.saga_coordinator set time_seen = time_seen - interval '1 hour' where id = @Id", new { Id = member.Coordinator.Value });

    private async Task<Membership> RevivedAsync(Membership member)
    {
        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set time_seen = clock_timestamp() where id = @Id", new { Id = member.Coordinator.Value });
        return member;
    }

    private async Task<List<SagaId>> CreateSagasAsync(Membership owner, int count, SavedDefinition? definition = null)
    {
        List<SagaId> sagas = [];
        for (int i = 0; i < count; i++)
        {
            sagas.Add(await Db.CreateSagaAsync(owner, definition));
        }

        return sagas;
    }

    private Task<ReassignOutcome> ReassignAsync(CoordinatorId? from, CoordinatorId[] to, int batchSize = 500) =>
        Db.Cluster.ReassignAsync(new Reassignment(from, to) { BatchSize = batchSize }, Note, CancellationToken.None);

    private async Task<ReassignOutcome.Done> ReassignedAsync(CoordinatorId? from, CoordinatorId[] to, int batchSize = 500) =>
        (await ReassignAsync(from, to, batchSize)).Should().BeOfType<ReassignOutcome.Done>().Subject;

    private Task<ReassignOutcome> TakeOverAsync(Membership by, CoordinatorSighting silent, params CoordinatorId[] to) =>
        Db.Cluster.TakeOverAsync(by, silent, to, retryAfter: TimeSpan.FromMinutes(1), CancellationToken.None);

    private async Task<CoordinatorSighting> SightAsync(CoordinatorId id) =>
        (await Db.Cluster.LookAsync(CancellationToken.None)).Coordinators.Single(one => one.Id == id);

    private async Task<IEnumerable<string>> ExplainAsync(string statement)
    {
        await using NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        return await connection.QueryAsync<string>(statement);
    }
}
