using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Status;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>What recovery keeps beside the sagas: signs of life, what is in hand, suspects, progress.</summary>
public class ControlsTests(PostgresCluster cluster, Pooler? pooler = null) : PostgresTest(cluster, pooler)
{
    private static readonly CoordinatorId Us = new(Guid.Parse("c0000000-0000-4000-8000-000000000001"));
    private static readonly OperatorNote Note = new("ann", "it kills us");

    [Fact]
    public async Task The_first_process_inherits_nothing()
    {
        Inheritance inheritance = await InheritAsync(await Db.JoinAsync(Us));

        inheritance.Previous.Should().BeNull();
        inheritance.Suspects.Should().BeEmpty();
    }

    [Fact]
    public async Task A_process_that_left_did_not_crash_and_leaves_no_suspects()
    {
        Membership first = await Db.JoinAsync(Us);
        await NoteInHandAsync(first, await Db.CreateSagaAsync(first));
        await Db.Controls.LeaveAsync(first, CancellationToken.None);

        Inheritance inheritance = await InheritAsync(await Db.JoinAsync(Us));

        inheritance.Previous!.Crashed.Should().BeFalse();
        inheritance.Suspects.Should().BeEmpty();
    }

    [Fact]
    public async Task What_was_in_hand_when_a_process_died_is_suspected_as_a_group()
    {
        Membership first = await Db.JoinAsync(Us);
        SagaId[] sagas = [await Db.CreateSagaAsync(first), await Db.CreateSagaAsync(first), await Db.CreateSagaAsync(first)];
        await NoteInHandAsync(first, sagas[..2]);
        await NoteInHandAsync(first, sagas[2..]);

        Inheritance inheritance = await InheritAsync(await Db.JoinAsync(Us));

        inheritance.Previous.Should().Match<PreviousProcess>(previous => previous.Crashed && previous.InHand == 3);
        inheritance.Previous!.LastSeen.Should().BeCloseTo(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1));
        inheritance.Suspects.Should().BeEquivalentTo(sagas.Select(saga => new Suspect(saga, GroupSize: 3, DeathsAlone: 0)));
    }

    [Fact]
    public async Task Deaths_alone_are_counted_until_the_saga_makes_progress()
    {
        Membership process = await Db.JoinAsync(Us);
        SagaId saga = await Db.CreateSagaAsync(process);
        for (int deaths = 1; deaths <= 3; deaths++)
        {
            await NoteInHandAsync(process, saga);
            process = await Db.JoinAsync(Us);
            (await InheritAsync(process)).Suspects.Should().Equal(new Suspect(saga, 1, deaths));
        }

        await NoteInHandAsync(process, saga);
        await Db.AppendAsync(process, saga, events: [SagaDatabase.Event(0, NodeEventType.Started)]);
        process = await Db.JoinAsync(Us);
        (await InheritAsync(process)).Suspects.Should().Equal([new Suspect(saga, 1, 4)], "a step that began has not ended");

        await NoteInHandAsync(process, saga);
        await Db.AppendAsync(process, saga, events: [SagaDatabase.Event(0, NodeEventType.Succeeded)]);
        process = await Db.JoinAsync(Us);
        (await InheritAsync(process)).Suspects.Should().Equal(new Suspect(saga, 1, 1));
    }

    [Fact]
    public async Task A_second_start_that_dies_before_it_handed_anything_over_loses_no_suspicion()
    {
        Membership first = await Db.JoinAsync(Us);
        SagaId saga = await Db.CreateSagaAsync(first);
        await NoteInHandAsync(first, saga);
        await InheritAsync(await Db.JoinAsync(Us));

        (await InheritAsync(await Db.JoinAsync(Us))).Suspects.Should().Equal(new Suspect(saga, 1, 1));
    }

    [Fact]
    public async Task What_a_process_has_outlived_is_not_suspected()
    {
        Membership first = await Db.JoinAsync(Us);
        SagaId saga = await Db.CreateSagaAsync(first);
        await NoteInHandAsync(first, saga);
        Membership second = await Db.JoinAsync(Us);
        await InheritAsync(second);
        await NoteInHandAsync(second, saga);

        await Db.Controls.AcquitAsync(second, TimeSpan.FromHours(1), CancellationToken.None);
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_in_hand")).Should().Be(1, "an hour has not gone by");
        await Db.Controls.AcquitAsync(second, TimeSpan.Zero, CancellationToken.None);

        (await InheritAsync(await Db.JoinAsync(Us))).Suspects.Should().BeEmpty();
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_suspect")).Should().Be(0);
    }

    [Fact]
    public async Task Sagas_that_have_ended_or_went_elsewhere_are_not_suspected()
    {
        Membership first = await Db.JoinAsync(Us);
        (SagaId ended, SagaId elsewhere) = (await Db.CreateSagaAsync(first), await Db.CreateSagaAsync(first));
        await NoteInHandAsync(first, ended, elsewhere);
        await Db.AppendAsync(first, ended, SagaState.Succeeded);
        await Db.ReassignAsync(elsewhere, new CoordinatorId(Guid.NewGuid()));

        (await InheritAsync(await Db.JoinAsync(Us))).Suspects.Should().BeEmpty();
    }

    [Fact]
    public async Task A_fenced_process_notes_nothing_and_gives_no_sign_of_life()
    {
        Membership older = await Db.JoinAsync(Us);
        SagaId saga = await Db.CreateSagaAsync(older);
        await Db.JoinAsync(Us);

        await IsFencedAsync(() => Db.Controls.StayInTouchAsync(
            older, new CoordinatorProfile("1.0", Definitions: null), TimeSpan.FromSeconds(1), _ => { }, CancellationToken.None));
        await IsFencedAsync(() => NoteInHandAsync(older, saga));
        await IsFencedAsync(() => InheritAsync(older));
        await Db.Controls.LeaveAsync(older, CancellationToken.None);

        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_in_hand")).Should().Be(0);
        (await Db.QueryAsync<bool>("select time_left is null from saga_recovery.saga_coordinator")).Should().BeTrue("its successor has not left");
    }

    [Fact]
    public async Task Controls_tell_of_holds_on_our_sagas_in_progress_and_of_our_pause_only()
    {
        Membership us = await Db.JoinAsync(Us);
        Membership others = await Db.JoinAsync();
        SagaId held = await Db.CreateSagaAsync(us);
        SagaId ended = await Db.CreateSagaAsync(us);
        await Db.Operations.HoldAsync(held, Note, CancellationToken.None);
        await Db.Operations.HoldAsync(ended, Note, CancellationToken.None);
        await Db.Operations.HoldAsync(await Db.CreateSagaAsync(others), Note, CancellationToken.None);
        await Db.AppendAsync(us, ended, SagaState.Succeeded);
        await Db.Operations.PauseAsync(others.Coordinator, Note, CancellationToken.None);

        RecoveryControls controls = await Db.Controls.ReadControlsAsync(us, CancellationToken.None);

        controls.Held.Should().ContainSingle().Which.Should().Match<HeldSaga>(saga => saga.SagaId == held && saga.Name == "test-saga" && saga.Note == Note);
        controls.Paused.Should().BeNull();
        controls.RecentActions.Select(action => (action.Lever, action.SagaId)).Should().Equal((Lever.Hold, held), (Lever.Hold, ended));
        (await Db.Controls.ReadControlsAsync(others, CancellationToken.None)).Paused!.Note.Should().Be(Note);
    }

    [Fact]
    public async Task Sagas_without_a_new_event_for_too_long_are_found_with_their_last_event()
    {
        Membership us = await Db.JoinAsync(Us);
        SagaId still = await Db.CreateSagaAsync(us);
        SagaId moving = await Db.CreateSagaAsync(us);
        SagaId silent = await Db.CreateSagaAsync(us);
        SagaId young = await Db.CreateSagaAsync(us);
        SagaId ended = await Db.CreateSagaAsync(us);
        SagaId patient = await Db.CreateSagaAsync(us, SagaDatabase.DefinitionNamed("patient"));
        foreach (SagaId saga in new[] { still, moving, ended })
        {
            await Db.AppendAsync(us, saga, events: [SagaDatabase.Event(0, NodeEventType.Started)]);
        }

        await Db.AppendAsync(us, ended, SagaState.Succeeded);
        await AgeAsync("saga", "time_created", "id", still, moving, silent, ended, patient);
        await AgeAsync("saga_node_event", "event_time", "saga_id", still, ended);
        var patience = new ProgressPatience(
            TimeSpan.FromMinutes(15), new Dictionary<string, TimeSpan>(StringComparer.Ordinal) { ["patient"] = TimeSpan.FromHours(5) });

        StillSagas found = await Db.Controls.FindNotProgressingAsync(us, patience, CancellationToken.None);

        found.Count.Should().Be(2);
        found.Sagas.Select(saga => (saga.SagaId, saga.LastEvent)).Should().BeEquivalentTo([(still, "only started"), (silent, (string?)null)]);
        found.Sagas.Should().OnlyContain(saga => saga.Since < DateTimeOffset.UtcNow.AddMinutes(-59));
    }

    private Task<Inheritance> InheritAsync(Membership member) => Db.Controls.InheritAsync(member, CancellationToken.None);

    private Task NoteInHandAsync(Membership member, params SagaId[] sagas) => Db.Controls.NoteInHandAsync(member, sagas, CancellationToken.None);

    private Task AgeAsync(string table, string column, string key, params SagaId[] sagas) => Db.ExecuteAsync(
        $"update saga_recovery.{table} set {column} = {column} - interval '1 hour' where {key} = any (@Ids)",
        new { Ids = sagas.Select(saga => saga.Value).ToArray() });

    private static async Task IsFencedAsync(Func<Task> act) => await FluentActions.Awaiting(act).Should().ThrowAsync<CoordinatorFencedException>();
}
