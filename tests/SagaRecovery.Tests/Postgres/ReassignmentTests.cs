using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Reassignments: the new owners, and the coordinators that are notified.</summary>
public class ReassignmentTests(PostgresCluster cluster, Pooler? pooler = null, string isolation = PostgresTest.ReadCommitted) : ClusterTest(cluster, pooler, isolation)
{
    [Fact]
    public async Task The_sagas_of_a_silent_coordinator_are_spread_evenly_and_each_taker_is_woken()
    {
        Membership dead = await SilentAsync();
        List<SagaId> sagas = await CreateSagasAsync(dead, 25);
        SagaId ended = sagas[0];
        await Db.AppendAsync(await RevivedAsync(dead), ended, SagaState.Succeeded);
        await SilenceAsync(dead);
        await using ListeningCoordinator one = await Db.RunHeartbeatAsync();
        await using ListeningCoordinator two = await Db.RunHeartbeatAsync();

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
    public async Task An_owner_that_answers_keeps_its_sagas_unless_overridden()
    {
        await using ListeningCoordinator owner = await Db.RunHeartbeatAsync();
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
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
    public async Task A_process_that_reassigns_its_own_sagas_leaves_those_of_a_newer_one_alone()
    {
        Membership older = await Db.JoinAsync();
        await using var newer = new ListeningCoordinator(Db, await Db.JoinAsync(older.Coordinator), new CoordinatorProfile("1.0", Definitions: null), TimeSpan.FromSeconds(1));
        await Db.CreateSagaAsync(newer.Member);
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();

        (await ReassignOwnSagasAsync(older)).Moved.Should().Be(0);
        (await ReassignOwnSagasAsync(newer.Member)).Moved.Should().Be(1);

        async Task<ReassignOutcome.Done> ReassignOwnSagasAsync(Membership owner) => (await Db.Cluster.ReassignAsync(
            new Reassignment(owner.Coordinator, [taker.Id]) { EvenIfOwnerAnswers = true, Owner = owner }, Note, CancellationToken.None))
            .Should().BeOfType<ReassignOutcome.Done>().Subject;
    }

    [Fact]
    public async Task A_process_whose_incarnation_was_assigned_to_another_reassigns_nothing_of_it()
    {
        Membership lost = await Db.JoinAsync();
        var token = new JoinToken(Guid.NewGuid());
        await Db.ExecuteAsync(
            "update saga_recovery.saga_coordinator set token = @Token where id = @Id", new { Token = token.Value, Id = lost.Coordinator.Value });
        await Db.CreateSagaAsync(lost with { Token = token });
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();

        var reassignment = new Reassignment(lost.Coordinator, [taker.Id]) { EvenIfOwnerAnswers = true, Owner = lost };
        (await Db.Cluster.ReassignAsync(reassignment, Note, CancellationToken.None)).Should().BeOfType<ReassignOutcome.Done>().Which.Moved.Should().Be(0);
        (await Db.Cluster.ReassignAsync(reassignment with { Owner = lost with { Token = token } }, Note, CancellationToken.None))
            .Should().BeOfType<ReassignOutcome.Done>().Which.Moved.Should().Be(1);
    }

    [Fact]
    public async Task A_drain_is_recorded_again_after_the_database_has_lost_it()
    {
        await using ListeningCoordinator draining = await Db.RunHeartbeatAsync();
        await Db.Cluster.BeginDrainAsync(draining.Member, Note, CancellationToken.None);
        await Db.Cluster.BeginDrainAsync(draining.Member, Note, CancellationToken.None);
        (await ActionsAsync()).Should().Be(1, "a repeated request changes nothing");

        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set time_draining = null where id = @Id", new { Id = draining.Id.Value });
        await Db.Cluster.BeginDrainAsync(draining.Member, Note, CancellationToken.None);

        (await ActionsAsync()).Should().Be(2);
        (await Db.Cluster.ReadViewAsync(CancellationToken.None)).Coordinators.Single(one => one.Id == draining.Id).State.Should().Be(CoordinatorState.Draining);

        Task<long> ActionsAsync() => Db.QueryAsync<long>(
            "select count(*) from saga_recovery.saga_operator_action where action = 'drain' and coordinator_id = @Id", new { Id = draining.Id.Value });
    }

    [Fact]
    public async Task Sagas_are_reassigned_only_to_coordinators_that_can_run_them()
    {
        SavedDefinition rare = SagaDatabase.DefinitionNamed("rare");
        SavedDefinition unknown = SagaDatabase.DefinitionNamed("unknown");
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 4);
        await CreateSagasAsync(dead, 3, rare);
        await CreateSagasAsync(dead, 2, unknown);
        await using ListeningCoordinator usual = await Db.RunHeartbeatAsync(Runs(SagaDatabase.Definition));
        await using ListeningCoordinator both = await Db.RunHeartbeatAsync(Runs(SagaDatabase.Definition, rare));

        ReassignOutcome.Done done = await ReassignedAsync(dead.Coordinator, [usual.Id, both.Id]);

        done.Left.Should().Be(2);
        done.Receipts.Single(receipt => receipt.To == usual.Id).Count.Should().Be(2);
        done.Receipts.Single(receipt => receipt.To == both.Id).Count.Should().Be(5);
        (await Db.ListAsync(dead)).Select(saga => saga.Name).Should().Equal("unknown", "unknown");
    }

    [Fact]
    public async Task Sagas_of_any_DAG_go_to_a_coordinator_that_makes_the_DAG_from_the_parameters()
    {
        SavedDefinition two = SagaDatabase.DefinitionNamed("disks", "two disks");
        SavedDefinition three = SagaDatabase.DefinitionNamed("disks", "three disks");
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 2, two);
        await CreateSagasAsync(dead, 1, three);
        await CreateSagasAsync(dead, 1, SagaDatabase.DefinitionNamed("other"));
        var anyDisks = new RunnableDefinition(DefinitionHash.Of("none"u8), "disks", two.Version) { AnyDag = true };
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync(new CoordinatorProfile("1.0", [anyDisks]));
        await using ListeningCoordinator later = await Db.RunHeartbeatAsync(
            new CoordinatorProfile("1.0", [anyDisks with { Version = two.Version + 1 }, anyDisks with { Hash = DefinitionHash.Of("one"u8), AnyDag = false }]));

        ReassignOutcome.Done done = await ReassignedAsync(dead.Coordinator, [taker.Id, later.Id]);

        done.Receipts.Should().ContainSingle().Which.Should().BeEquivalentTo(new { To = taker.Id, Count = 3 });
        (await Db.ListAsync(dead)).Select(saga => saga.Name).Should().Equal("other");
    }

    [Fact]
    public async Task A_coordinator_can_run_the_definitions_that_its_present_process_registered()
    {
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 1);
        CoordinatorId taker = new(Guid.NewGuid());
        await using (await Db.RunHeartbeatAsync(Runs(SagaDatabase.Definition), coordinator: taker))
        {
        }

        await using ListeningCoordinator other = await Db.RunHeartbeatAsync();
        await Db.JoinAsync(taker); // and has registered no definitions yet
        (await ReassignAsync(dead.Coordinator, [taker])).Should().Be(ReassignOutcome.NoTaker.Instance);
        await using ListeningCoordinator updated = await Db.RunHeartbeatAsync(Runs(SagaDatabase.DefinitionNamed("rare")), coordinator: taker);
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
        await using ListeningCoordinator silent = await Db.RunHeartbeatAsync();
        await silent.FallSilentAsync();
        await SilenceAsync(silent.Member);
        await using ListeningCoordinator left = await Db.RunHeartbeatAsync();
        await left.FallSilentAsync();
        await Db.Controls.ReportShutdownAsync(left.Member, CancellationToken.None);
        await using ListeningCoordinator draining = await Db.RunHeartbeatAsync();
        await Db.Cluster.BeginDrainAsync(draining.Member, Note, CancellationToken.None);

        (await ReassignAsync(dead.Coordinator, [silent.Id, left.Id, draining.Id, new CoordinatorId(Guid.NewGuid())]))
            .Should().Be(ReassignOutcome.NoTaker.Instance);
        (await Db.Cluster.ReadViewAsync(CancellationToken.None)).Coordinators.Select(one => (one.Id, one.State))
            .Should().Contain([(left.Id, CoordinatorState.Down), (draining.Id, CoordinatorState.Draining), (silent.Id, CoordinatorState.Active)]);
    }

    [Fact]
    public async Task Those_whose_recovery_is_paused_get_nothing_while_another_can_take_it_and_are_named()
    {
        SavedDefinition rare = SagaDatabase.DefinitionNamed("rare");
        Membership dead = await SilentAsync();
        List<SagaId> sagas = await CreateSagasAsync(dead, 4);
        await CreateSagasAsync(dead, 2, rare);
        await using ListeningCoordinator paused = await Db.RunHeartbeatAsync();
        await using ListeningCoordinator other = await Db.RunHeartbeatAsync(Runs(SagaDatabase.Definition));
        await Db.Operations.PauseAsync(paused.Id, Note, CancellationToken.None);

        ReassignOutcome none = await ReassignAsync(dead.Coordinator, [paused.Id]);
        none.Should().BeOfType<ReassignOutcome.NoTaker>().Which.Paused.Should().Equal(paused.Id);
        CoordinatorObservation silent = await SightAsync(dead.Coordinator);
        (await TakeOverAsync(other.Member, silent, paused.Id)).Should().BeOfType<ReassignOutcome.NoTaker>().Which.Paused.Should().Equal(paused.Id);
        (await Db.Cluster.ReassignAsync([sagas[0]], new ChosenRecipients([]), Note, CancellationToken.None)).Should().Equal(OperatorActionResult.Done.Instance);

        ReassignOutcome.Done done = await ReassignedAsync(dead.Coordinator, [paused.Id, other.Id]);
        done.Receipts.Should().ContainSingle().Which.Should().BeEquivalentTo(new { To = other.Id, Count = 3 });
        done.Left.Should().Be(2, "only the paused one can run them");
        done.Paused.Should().Equal(paused.Id);
        (await Db.ListAsync(other.Member)).Should().HaveCount(4);

        ReassignOutcome ordered = await Db.Cluster.ReassignAsync(
            new Reassignment(dead.Coordinator, [paused.Id]) { EvenIfPaused = true }, Note, CancellationToken.None);
        ordered.Should().BeOfType<ReassignOutcome.Done>().Which.Should().Match<ReassignOutcome.Done>(moved => moved.Moved == 2 && moved.Paused.Count == 0);
        await Db.Operations.ResumeAsync(paused.Id, Note, CancellationToken.None);
        (await ReassignAsync(dead.Coordinator, [paused.Id])).Should().BeOfType<ReassignOutcome.Done>("its pause has ended").Which.Paused.Should().BeEmpty();
    }

    [Fact]
    public async Task Chosen_sagas_go_to_a_paused_coordinator_only_if_it_alone_is_named()
    {
        Membership dead = await SilentAsync();
        List<SagaId> sagas = await CreateSagasAsync(dead, 2);
        await using ListeningCoordinator paused = await Db.RunHeartbeatAsync();
        await using ListeningCoordinator too = await Db.RunHeartbeatAsync();
        await Db.Operations.PauseAsync(paused.Id, Note, CancellationToken.None);
        await Db.Operations.PauseAsync(too.Id, Note, CancellationToken.None);

        (await Db.Cluster.ReassignAsync([sagas[0]], new ChosenRecipients([paused.Id, too.Id]), Note, CancellationToken.None))
            .Should().ContainSingle().Which.Should().BeOfType<OperatorActionResult.Superseded>();
        (await Db.Cluster.ReassignAsync([sagas[0]], new ChosenRecipients([paused.Id]), Note, CancellationToken.None)).Should().Equal(OperatorActionResult.Done.Instance);
    }

    [Fact]
    public async Task A_taker_has_caught_up_once_it_has_tried_every_assigned_saga()
    {
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 3);
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        ReassignOutcome.Done first = await ReassignedAsync(dead.Coordinator, [taker.Id]);
        RecoveryControls read = await Db.Controls.ReadControlsAsync(taker.Member, CancellationToken.None);
        read.Assigned.Should().Be(first.Receipts.Single().Mark);
        await CreateSagasAsync(dead, 2);
        ReassignOutcome.Done second = await ReassignedAsync(dead.Coordinator, [taker.Id]);
        second.Receipts.Single().Mark.Should().BeGreaterThan(read.Assigned);
        Task<IReadOnlyList<CaughtUp>> both = Db.Cluster.WaitUntilCaughtUpAsync(second.Receipts.ToList(), CancellationToken.None);

        await Db.Controls.ReportCaughtUpAsync(taker.Member, read.Assigned, notRunning: 1, CancellationToken.None);

        (await Db.Cluster.WaitUntilCaughtUpAsync(first.Receipts.ToList(), CancellationToken.None)).Should().Equal(new CaughtUp(taker.Id, 1));
        both.IsCompleted.Should().BeFalse("the second came after that pass had begun");
        await Db.Controls.ReportCaughtUpAsync(taker.Member, second.Receipts.Single().Mark, notRunning: 0, CancellationToken.None);
        (await both).Should().Equal(new CaughtUp(taker.Id, 0));
    }

    [Fact]
    public async Task The_in_flight_sagas_of_a_dead_coordinator_are_suspects_under_every_new_owner()
    {
        Membership dead = await Db.JoinAsync();
        List<SagaId> sagas = await CreateSagasAsync(dead, 3);
        await Db.Controls.RecordInFlightAsync(dead, [sagas[1]], CancellationToken.None);
        await SilenceAsync(dead);
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();

        await ReassignedAsync(dead.Coordinator, [taker.Id], batchSize: 1);

        (await Db.Controls.ReadControlsAsync(taker.Member, CancellationToken.None)).Suspects.Should().Equal(new Suspect(sagas[1], GroupSize: 1, DeathsAlone: 1));
    }

    [Fact]
    public async Task A_saga_that_a_live_coordinator_reassigns_is_no_suspect()
    {
        await using ListeningCoordinator owner = await Db.RunHeartbeatAsync();
        SagaId saga = await Db.CreateSagaAsync(owner.Member);
        await Db.Controls.RecordInFlightAsync(owner.Member, [saga], CancellationToken.None);
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();

        await Db.Cluster.ReassignAsync(new Reassignment(owner.Id, [taker.Id]) { EvenIfOwnerAnswers = true }, Note, CancellationToken.None);

        (await Db.Controls.ReadControlsAsync(taker.Member, CancellationToken.None)).Suspects.Should().BeEmpty();
    }
}
