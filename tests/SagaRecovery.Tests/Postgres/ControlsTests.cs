using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The records of recovery beside the sagas: heartbeats, sagas in flight, suspects, progress.</summary>
public class ControlsTests(PostgresCluster cluster, Pooler? pooler = null) : PostgresTest(cluster, pooler)
{
    private static readonly CoordinatorId Us = new(Guid.Parse("c0000000-0000-4000-8000-000000000001"));
    private static readonly OperatorNote Note = new("ann", "it kills us");

    [Fact]
    public async Task The_first_process_has_no_previous_incarnation()
    {
        PreviousIncarnation previous = await ReadPreviousIncarnationAsync(await Db.JoinAsync(Us));

        previous.Process.Should().BeNull();
        previous.Suspects.Should().BeEmpty();
    }

    [Fact]
    public async Task A_process_that_left_did_not_crash_and_leaves_no_suspects()
    {
        Membership first = await Db.JoinAsync(Us);
        await RecordInFlightAsync(first, await Db.CreateSagaAsync(first));
        await Db.Controls.ReportShutdownAsync(first, CancellationToken.None);

        PreviousIncarnation previous = await ReadPreviousIncarnationAsync(await Db.JoinAsync(Us));

        previous.Process!.Crashed.Should().BeFalse();
        previous.Suspects.Should().BeEmpty();
    }

    [Fact]
    public async Task Sagas_in_flight_when_a_process_died_are_suspected_as_a_group()
    {
        Membership first = await Db.JoinAsync(Us);
        SagaId[] sagas = [await Db.CreateSagaAsync(first), await Db.CreateSagaAsync(first), await Db.CreateSagaAsync(first)];
        await RecordInFlightAsync(first, sagas[..2]);
        await RecordInFlightAsync(first, sagas[2..]);

        PreviousIncarnation previous = await ReadPreviousIncarnationAsync(await Db.JoinAsync(Us));

        previous.Process.Should().Match<PreviousProcess>(previous => previous.Crashed && previous.InFlight == 3);
        previous.Process!.LastSeen.Should().BeCloseTo(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1));
        previous.Suspects.Should().BeEquivalentTo(sagas.Select(saga => new Suspect(saga, GroupSize: 3, DeathsAlone: 0)));
    }

    [Fact]
    public async Task Deaths_alone_are_counted_until_the_saga_makes_progress()
    {
        Membership process = await Db.JoinAsync(Us);
        SagaId saga = await Db.CreateSagaAsync(process);
        for (int deaths = 1; deaths <= 3; deaths++)
        {
            await RecordInFlightAsync(process, saga);
            process = await Db.JoinAsync(Us);
            (await ReadPreviousIncarnationAsync(process)).Suspects.Should().Equal(new Suspect(saga, 1, deaths));
        }

        await RecordInFlightAsync(process, saga);
        await Db.AppendAsync(process, saga, events: [SagaDatabase.Event(0, NodeEventType.Started)]);
        process = await Db.JoinAsync(Us);
        (await ReadPreviousIncarnationAsync(process)).Suspects.Should().Equal([new Suspect(saga, 1, 4)], "a step that began has not ended");

        await RecordInFlightAsync(process, saga);
        await Db.AppendAsync(process, saga, events: [SagaDatabase.Event(0, NodeEventType.Succeeded)]);
        process = await Db.JoinAsync(Us);
        (await ReadPreviousIncarnationAsync(process)).Suspects.Should().Equal(new Suspect(saga, 1, 1));
    }

    [Fact]
    public async Task A_second_process_that_dies_before_it_resumed_anything_keeps_every_suspicion()
    {
        Membership first = await Db.JoinAsync(Us);
        SagaId saga = await Db.CreateSagaAsync(first);
        await RecordInFlightAsync(first, saga);
        await ReadPreviousIncarnationAsync(await Db.JoinAsync(Us));

        (await ReadPreviousIncarnationAsync(await Db.JoinAsync(Us))).Suspects.Should().Equal(new Suspect(saga, 1, 1));
    }

    [Fact]
    public async Task Sagas_that_a_process_has_outlived_are_not_suspected()
    {
        Membership first = await Db.JoinAsync(Us);
        SagaId saga = await Db.CreateSagaAsync(first);
        await RecordInFlightAsync(first, saga);
        Membership second = await Db.JoinAsync(Us);
        await ReadPreviousIncarnationAsync(second);
        await RecordInFlightAsync(second, saga);

        await Db.Controls.ClearSuspectsAsync(second, TimeSpan.FromHours(1), CancellationToken.None);
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_in_flight")).Should().Be(1, "an hour has not gone by");
        await Db.Controls.ClearSuspectsAsync(second, TimeSpan.Zero, CancellationToken.None);

        (await ReadPreviousIncarnationAsync(await Db.JoinAsync(Us))).Suspects.Should().BeEmpty();
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_suspect")).Should().Be(0);
    }

    [Fact]
    public async Task Sagas_that_have_ended_or_were_reassigned_are_not_suspected()
    {
        Membership first = await Db.JoinAsync(Us);
        (SagaId ended, SagaId elsewhere) = (await Db.CreateSagaAsync(first), await Db.CreateSagaAsync(first));
        await RecordInFlightAsync(first, ended, elsewhere);
        await Db.AppendAsync(first, ended, SagaState.Succeeded);
        await Db.ReassignAsync(elsewhere, new CoordinatorId(Guid.NewGuid()));

        (await ReadPreviousIncarnationAsync(await Db.JoinAsync(Us))).Suspects.Should().BeEmpty();
    }

    [Fact]
    public async Task A_fenced_process_records_nothing_and_writes_no_heartbeat()
    {
        Membership older = await Db.JoinAsync(Us);
        SagaId saga = await Db.CreateSagaAsync(older);
        await Db.JoinAsync(Us);

        await IsFencedAsync(() => Db.Controls.RunHeartbeatAsync(
            older, new CoordinatorProfile("1.0", Definitions: null), TimeSpan.FromSeconds(1), _ => { }, CancellationToken.None));
        await IsFencedAsync(() => RecordInFlightAsync(older, saga));
        await IsFencedAsync(() => ReadPreviousIncarnationAsync(older));
        await Db.Controls.ReportShutdownAsync(older, CancellationToken.None);

        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_in_flight")).Should().Be(0);
        (await Db.QueryAsync<bool>("select time_left is null from saga_recovery.saga_coordinator")).Should().BeTrue("its successor has not left");
    }

    [Fact]
    public async Task Controls_report_holds_on_our_sagas_in_progress_and_our_pause_only()
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
        controls.RecentActions.Select(action => (action.Kind, action.SagaId)).Should().Equal((OperatorActionKind.Hold, held), (OperatorActionKind.Hold, ended));
        (await Db.Controls.ReadControlsAsync(others, CancellationToken.None)).Paused!.Note.Should().Be(Note);
    }

    [Fact]
    public async Task Sagas_without_a_new_event_for_too_long_are_found_with_their_last_event()
    {
        Membership us = await Db.JoinAsync(Us);
        SagaId stalled = await Db.CreateSagaAsync(us);
        SagaId moving = await Db.CreateSagaAsync(us);
        SagaId silent = await Db.CreateSagaAsync(us);
        SagaId young = await Db.CreateSagaAsync(us);
        SagaId ended = await Db.CreateSagaAsync(us);
        SagaId patient = await Db.CreateSagaAsync(us, SagaDatabase.DefinitionNamed("patient"));
        foreach (SagaId saga in new[] { stalled, moving, ended })
        {
            await Db.AppendAsync(us, saga, events: [SagaDatabase.Event(0, NodeEventType.Started)]);
        }

        await Db.AppendAsync(us, ended, SagaState.Succeeded);
        await AgeAsync("saga", "time_created", "id", stalled, moving, silent, ended, patient);
        await AgeAsync("saga_node_event", "event_time", "saga_id", stalled, ended);
        var patience = new StalledThresholds(
            TimeSpan.FromMinutes(15), new Dictionary<string, TimeSpan>(StringComparer.Ordinal) { ["patient"] = TimeSpan.FromHours(5) });

        StalledSagas found = await Db.Controls.FindStalledAsync(us, patience, among: null, except: [], CancellationToken.None);

        found.Count.Should().Be(2);
        found.Sagas.Select(saga => (saga.SagaId, saga.LastEvent)).Should().BeEquivalentTo([(stalled, "only started"), (silent, (string?)null)]);
        found.Sagas.Should().OnlyContain(saga => saga.Since < DateTimeOffset.UtcNow.AddMinutes(-59));
        StalledSagas others = await Db.Controls.FindStalledAsync(us, patience, among: null, except: [stalled], CancellationToken.None);
        (others.Count, others.Sagas.Single().SagaId).Should().Be((1, silent), "a saga whose steps are retried is left out, and not counted");
        StalledSagas running = await Db.Controls.FindStalledAsync(us, patience, among: [stalled, silent, moving, young, ended, patient], except: [silent], CancellationToken.None);
        (running.Count, running.Sagas.Single().SagaId, running.Sagas.Single().LastEvent).Should().Be((1, stalled, "only started"), "others wait for a slot");
        (await Db.Controls.FindStalledAsync(us, patience, among: [], except: [], CancellationToken.None)).Count.Should().Be(0);
    }

    private Task<PreviousIncarnation> ReadPreviousIncarnationAsync(Membership member) => Db.Controls.ReadPreviousIncarnationAsync(member, CancellationToken.None);

    private Task RecordInFlightAsync(Membership member, params SagaId[] sagas) => Db.Controls.RecordInFlightAsync(member, sagas, CancellationToken.None);

    private Task AgeAsync(string table, string column, string key, params SagaId[] sagas) => Db.ExecuteAsync(
        $"update saga_recovery.{table} set {column} = {column} - interval '1 hour' where {key} = any (@Ids)",
        new { Ids = sagas.Select(saga => saga.Value).ToArray() });

    private static async Task IsFencedAsync(Func<Task> act) => await FluentActions.Awaiting(act).Should().ThrowAsync<CoordinatorFencedException>();
}
