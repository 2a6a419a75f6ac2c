using System.Net;
using System.Net.Sockets;
using Npgsql;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The view that coordinators have of each other, and the hints between them.</summary>
public class ClusterTests(PostgresCluster cluster, Pooler? pooler = null) : ClusterTest(cluster, pooler)
{
    [Fact]
    public async Task Orphaned_and_unowned_sagas_are_counted_and_can_be_reassigned()
    {
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
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
    public async Task Stuck_and_abandoned_sagas_are_counted_for_every_owner()
    {
        Membership us = await Db.JoinAsync();
        SagaId[] sagas = [.. await CreateSagasAsync(us, 4)];
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'stuck', time_created = now() - interval '2 hours' where id = @Id", new { Id = sagas[0].Value });
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'stuck', current_coordinator = null where id = @Id", new { Id = sagas[1].Value });
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'abandoned', abandon_time = now(), abandon_reason = 'a test', abandon_comment = 'a test' where id = @Id", new { Id = sagas[2].Value });

        UnresolvedSagas counted = (await Db.Cluster.CountUnresolvedAsync(CancellationToken.None))!;

        (counted.Stuck.Count, counted.Abandoned.Count).Should().Be((2, 1));
        (counted.At - counted.Stuck.Oldest!.Value).Should().BeCloseTo(TimeSpan.FromHours(2), TimeSpan.FromMinutes(10));
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

        plan.Should().Contain("saga_unfinished").And.NotContain("Seq Scan on saga ");
        plan.Should().NotContain("rows=20001", "one probe for each owner");
    }

    [Fact]
    public async Task Operator_actions_run_elsewhere_are_hinted_at()
    {
        await using ListeningCoordinator owner = await Db.RunHeartbeatAsync();
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
    public async Task Heartbeats_use_the_pool_while_the_listener_connection_is_refused_and_find_what_was_assigned()
    {
        await using var cut = new SagaDatabase(Db.DataSource.ConnectionString, Db.Database.Options, direct: "Host=127.0.0.1;Port=1");
        await using ListeningCoordinator line = await cut.RunHeartbeatAsync(Runs(SagaDatabase.Definition), period: TimeSpan.FromMilliseconds(20));
        await Eventually.HoldsAsync(() => line.Written >= 3, "heartbeats were written");
        line.ListenerError.Should().NotBeNullOrEmpty();
        (await SightAsync(line.Id)).State.Should().Be(CoordinatorState.Active);

        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 1);
        (await ReassignedAsync(dead.Coordinator, [line.Id])).Moved.Should().Be(1, "it has published its definitions, and answers");
        await Eventually.HoldsAsync(() => line.Hints >= 1 || line.Heartbeats.IsCompleted, "it had a hint");
        line.Heartbeats.IsCompleted.Should().BeFalse($"{line.Heartbeats.Exception}");

        await Db.JoinAsync(line.Id);
        await FluentActions.Awaiting(() => line.Heartbeats.WaitAsync(TimeSpan.FromMinutes(1))).Should().ThrowAsync<CoordinatorFencedException>("a heartbeat over the pool is fenced as well");
    }

    [Fact]
    public async Task Heartbeats_use_the_pool_while_the_listener_connection_has_no_answer_and_move_to_it_once_it_opens()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0); // accepts, and never answers
        silent.Start();
        int port = ((IPEndPoint)silent.LocalEndpoint).Port;
        await using var cut = new SagaDatabase(Db.DataSource.ConnectionString, Db.Database.Options, direct: $"Host=127.0.0.1;Port={port};Timeout=300;SSL Mode=Disable");
        await using (ListeningCoordinator line = await cut.RunHeartbeatAsync(period: TimeSpan.FromMilliseconds(20)))
        {
            await Eventually.HoldsAsync(() => line.Written >= 3, "heartbeats were written");
            line.ListenerError.Should().StartWith("it could not be opened within");
        }

        await using ListeningCoordinator open = await Db.RunHeartbeatAsync();
        await Eventually.HoldsAsync(() => open.Written >= 1, "a heartbeat was written");
        open.ListenerError.Should().BeNull();
    }

    [Fact]
    public async Task Heartbeats_continue_while_every_other_connection_is_taken()
    {
        var few = new NpgsqlConnectionStringBuilder(Db.Direct) { MaxPoolSize = 2 };
        await using var busy = new SagaDatabase(few.ConnectionString);
        await using ListeningCoordinator line = await busy.RunHeartbeatAsync(period: TimeSpan.FromMilliseconds(20));
        await using NpgsqlConnection load = await busy.DataSource.OpenConnectionAsync();
        DateTimeOffset seen = (await SightAsync(line.Id)).LastSeen;

        await Eventually.HoldsAsync(
            async () => line.Heartbeats.IsCompleted || (await SightAsync(line.Id)).LastSeen > seen.AddMilliseconds(100), "it wrote heartbeats");
        line.Heartbeats.IsCompleted.Should().BeFalse($"{line.Heartbeats.Exception}");
    }
}
