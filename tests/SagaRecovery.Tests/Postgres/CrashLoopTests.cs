using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The records of crash loops.</summary>
public class CrashLoopTests(PostgresCluster cluster, Pooler? pooler = null) : PostgresTest(cluster, pooler)
{
    private static readonly CoordinatorId Us = new(Guid.Parse("c0000000-0000-4000-8000-000000000001"));
    private static readonly CrashLoop Loop = new(4, 2, TimeSpan.FromSeconds(26), FailedControls: 1, TimeSpan.FromSeconds(13));

    [Fact]
    public async Task The_life_of_a_process_is_the_time_from_its_join_to_its_last_heartbeat()
    {
        await Db.JoinAsync(Us);
        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set time_joined = time_seen - interval '8 seconds'");

        PreviousIncarnation previous = await ReadAsync(await Db.JoinAsync(Us));

        previous.End.Should().Be(new ProcessEnd(Crashed: true, TimeSpan.FromSeconds(8), LeftInFlight: false, HadDeferredSuspects: false));
        (previous.Loop, previous.IsLoopRecorded).Should().Be((null, false));
    }

    [Fact]
    public async Task Suspects_that_were_not_in_flight_again_were_deferred()
    {
        Membership process = await Db.JoinAsync(Us);
        SagaId[] sagas = [await Db.CreateSagaAsync(process), await Db.CreateSagaAsync(process)];
        await Db.Controls.RecordInFlightAsync(process, sagas, CancellationToken.None);
        process = await Db.JoinAsync(Us);
        (await ReadAsync(process)).End.Should().Match<ProcessEnd>(end => end.LeftInFlight && !end.HadDeferredSuspects);

        await Db.Controls.RecordInFlightAsync(process, sagas[..1], CancellationToken.None);
        process = await Db.JoinAsync(Us);
        (await ReadAsync(process)).End.Should().Match<ProcessEnd>(end => end.LeftInFlight && end.HadDeferredSuspects);

        process = await Db.JoinAsync(Us);
        (await ReadAsync(process)).End.Should().Match<ProcessEnd>(end => !end.LeftInFlight && end.HadDeferredSuspects);
    }

    [Fact]
    public async Task A_crash_loop_is_read_by_the_next_process_and_known_as_recorded_by_its_own()
    {
        Membership first = await Db.JoinAsync(Us);
        await Db.Controls.RecordCrashLoopAsync(first, Loop, CancellationToken.None);
        Membership second = await Db.JoinAsync(Us);

        (await ReadAsync(second)).Should().Match<PreviousIncarnation>(previous => previous.Loop == Loop && !previous.IsLoopRecorded);
        await Db.Controls.RecordCrashLoopAsync(second, Loop with { Crashes = 5, Probation = null }, CancellationToken.None);
        (await ReadAsync(second)).Should().Match<PreviousIncarnation>(previous => previous.Loop!.Crashes == 5 && previous.Loop.Probation == null && previous.IsLoopRecorded);

        await Db.Controls.RecordCrashLoopAsync(second, loop: null, CancellationToken.None);
        (await ReadAsync(second)).Loop.Should().BeNull();
    }

    [Fact]
    public async Task A_fenced_process_records_none()
    {
        Membership fenced = await Db.JoinAsync(Us);
        Membership process = await Db.JoinAsync(Us);

        await Db.Controls.Awaiting(it => it.RecordCrashLoopAsync(fenced, Loop, CancellationToken.None)).Should().ThrowAsync<CoordinatorFencedException>();
        (await ReadAsync(process)).Loop.Should().BeNull();
    }

    [Fact]
    public async Task After_a_failed_control_the_suspects_of_the_coordinator_and_no_others_are_cleared()
    {
        Membership other = await Db.JoinAsync();
        await SuspectAsync(other, await Db.CreateSagaAsync(other));
        await ReadAsync(await Db.JoinAsync(other.Coordinator));
        Membership us = await Db.JoinAsync(Us);
        await SuspectAsync(us, await Db.CreateSagaAsync(us));
        us = await Db.JoinAsync(Us);
        (await ReadAsync(us)).Suspects.Should().HaveCount(1);

        await Db.Controls.RecordCrashLoopAsync(us, Loop with { Crashes = 5, WatchFrom = 13 }, CancellationToken.None);

        (await ReadAsync(us)).Suspects.Should().BeEmpty();
        (await Db.QueryAsync<int>("select count(*) from saga_recovery.saga_suspect")).Should().Be(1);
    }

    [Fact]
    public async Task Sagas_in_flight_are_cleared_once_they_have_ended_or_completed_a_step()
    {
        Membership us = await Db.JoinAsync(Us);
        SagaId[] sagas = [await Db.CreateSagaAsync(us), await Db.CreateSagaAsync(us), await Db.CreateSagaAsync(us)];
        await Db.AppendAsync(us, sagas[0], events: [SagaDatabase.Event(0, NodeEventType.Started)]);
        await SuspectAsync(us, sagas);
        us = await Db.JoinAsync(Us);
        await ReadAsync(us);
        await Db.Controls.RecordInFlightAsync(us, sagas, CancellationToken.None);

        (await Db.Controls.ClearProgressedAsync(us, CancellationToken.None)).Should().BeTrue("no step has ended since they were resumed");
        await Db.AppendAsync(us, sagas[0], events: [SagaDatabase.Event(0, NodeEventType.Succeeded)]);
        await Db.AppendAsync(us, sagas[1], SagaState.Succeeded);
        (await Db.Controls.ClearProgressedAsync(us, CancellationToken.None)).Should().BeTrue();
        (await InFlightAsync()).Should().Equal(sagas[2].Value);
        (await Db.QueryAsync<Guid>("select saga_id from saga_recovery.saga_suspect")).Should().Be(sagas[2].Value);

        await Db.AppendAsync(us, sagas[2], SagaState.Succeeded);
        (await Db.Controls.ClearProgressedAsync(us, CancellationToken.None)).Should().BeFalse();
        (await InFlightAsync()).Should().BeEmpty();
    }

    private Task<PreviousIncarnation> ReadAsync(Membership member) => Db.Controls.ReadPreviousIncarnationAsync(member, CancellationToken.None);

    /// <summary>The sagas are in flight, and the next join finds them.</summary>
    private Task SuspectAsync(Membership member, params SagaId[] sagas) => Db.Controls.RecordInFlightAsync(member, sagas, CancellationToken.None);

    private Task<Guid[]> InFlightAsync() => Db.QueryAsync<Guid[]>("select coalesce(array_agg(id), '{}') from saga_recovery.saga_in_flight, unnest(saga_ids) as one (id)");
}
