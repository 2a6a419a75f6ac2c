using Dapper;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Reassignments beside writes, joins, drains and each other: one waits, and then finds the result of the other.</summary>
public class ReassignmentRaceTests(PostgresCluster cluster, Pooler? pooler = null, string isolation = PostgresTest.ReadCommitted) : ClusterTest(cluster, pooler, isolation)
{
    [Fact]
    public async Task An_append_that_waits_for_a_reassignment_is_refused()
    {
        Membership slow = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(slow);
        await SilenceAsync(slow);
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        await using NpgsqlConnection inTheWay = await BeginAsync($"select from saga_recovery.saga where id = '{saga}' for update");

        Task<ReassignOutcome.Done> moving = ReassignedAsync(slow.Coordinator, [taker.Id]); // has the owner's row, waits for the saga's
        await Db.WaitForBlockedSessionAsync();
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
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        await using NpgsqlConnection writer = await BeginAsync(Db.LockOn(slow.Coordinator, shared: true));

        Task<ReassignOutcome.Done> moving = ReassignedAsync(slow.Coordinator, [taker.Id]);
        await Db.WaitForBlockedSessionAsync();
        moving.IsCompleted.Should().BeFalse();
        await writer.ExecuteAsync("commit");

        (await moving).Moved.Should().Be(1);
        (await Db.ListAsync(taker.Member)).Should().ContainSingle(candidate => candidate.SagaId == saga);
    }

    [Fact]
    public async Task An_owner_that_answers_before_its_sagas_are_reassigned_keeps_them()
    {
        Membership slow = await SilentAsync();
        await Db.CreateSagaAsync(slow);
        await SilenceAsync(slow);
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        await using NpgsqlConnection heartbeat = await BeginAsync($"update saga_recovery.saga_coordinator set time_seen = clock_timestamp() where id = '{slow.Coordinator}'");

        Task<ReassignOutcome.Done> moving = ReassignedAsync(slow.Coordinator, [taker.Id]);
        await Db.WaitForBlockedSessionAsync();
        await heartbeat.ExecuteAsync("commit");

        (await moving).Moved.Should().Be(0);
        (await Db.ListAsync(slow)).Should().ContainSingle();
    }

    [Fact]
    public async Task An_owner_that_joins_for_the_first_time_meanwhile_keeps_its_sagas()
    {
        Membership us = await Db.JoinAsync();
        var stranger = new CoordinatorId(Guid.NewGuid());
        await Db.ReassignAsync(await Db.CreateSagaAsync(us), stranger);
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        await using NpgsqlConnection join = await BeginAsync(
            $"""
            {Db.LockOn(stranger)};
            insert into saga_recovery.saga_coordinator (id, incarnation, host, process_id, token, server_start, table_id)
            values ('{stranger}', 1, 'new', 7, gen_random_uuid(), pg_postmaster_start_time(), 'saga_recovery.saga_coordinator'::regclass)
            """);

        Task<ReassignOutcome.Done> moving = ReassignedAsync(stranger, [taker.Id]);
        await Db.WaitForBlockedSessionAsync();
        await join.ExecuteAsync("commit");

        (await moving).Moved.Should().Be(0);
    }

    [Fact]
    public async Task A_coordinator_that_begins_to_drain_meanwhile_gets_nothing()
    {
        Membership dead = await SilentAsync();
        await Db.CreateSagaAsync(dead);
        await SilenceAsync(dead);
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        await using NpgsqlConnection drain = await BeginAsync(
            $"{Db.LockOn(taker.Id)}; update saga_recovery.saga_coordinator set time_draining = now() where id = '{taker.Id}'");

        Task<ReassignOutcome.Done> moving = ReassignedAsync(dead.Coordinator, [taker.Id]);
        await Db.WaitForBlockedSessionAsync("pg_advisory_xact_lock"); // and not only its next heartbeat
        await drain.ExecuteAsync("commit");

        (await moving).Moved.Should().Be(0);
        (await Db.ListAsync(taker.Member)).Should().BeEmpty();
    }

    [Fact]
    public async Task A_drain_waits_for_what_is_being_assigned_to_it()
    {
        Membership taker = await Db.JoinAsync();
        await using NpgsqlConnection reassignment = await BeginAsync(Db.LockOn(taker.Coordinator, shared: true));

        Task draining = Db.Cluster.BeginDrainAsync(taker, Note, CancellationToken.None);
        await Db.WaitForBlockedSessionAsync();
        draining.IsCompleted.Should().BeFalse();
        await reassignment.ExecuteAsync("commit");

        await draining;
    }

    [Fact]
    public async Task Coordinators_that_take_from_each_other_at_once_do_not_deadlock()
    {
        await using ListeningCoordinator one = await Db.RunHeartbeatAsync();
        await using ListeningCoordinator two = await Db.RunHeartbeatAsync();
        await CreateSagasAsync(one.Member, 40);
        await CreateSagasAsync(two.Member, 40);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(turn => turn % 2 == 0 ? MoveAsync(one.Id, two.Id) : MoveAsync(two.Id, one.Id)));

        ((await Db.ListAsync(one.Member)).Count + (await Db.ListAsync(two.Member)).Count).Should().Be(80);

        Task MoveAsync(CoordinatorId from, CoordinatorId to) => Db.Cluster.ReassignAsync(
            new Reassignment(from, [to]) { EvenIfOwnerAnswers = true, BatchSize = 3 }, Note, CancellationToken.None);
    }
}
