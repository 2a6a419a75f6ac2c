using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>A join either waits for the writes under way and sees them, or precedes them and makes them fail.</summary>
public class FenceTests(PostgresCluster cluster, Pooler? pooler = null, string isolation = PostgresTest.ReadCommitted) : PostgresTest(cluster, pooler, isolation)
{
    [Fact]
    public async Task Joining_raises_the_incarnation()
    {
        Membership first = await Db.JoinAsync();
        Membership second = await Db.JoinAsync(first.Coordinator);

        first.Incarnation.Should().Be(new Incarnation(1));
        second.Incarnation.Should().Be(new Incarnation(2));
    }

    [Fact]
    public async Task A_writer_paused_between_its_check_and_its_insert_keeps_a_join_waiting_and_the_join_sees_its_write()
    {
        Membership old = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(old);
        await Db.ExecuteAsync(
            """
            create function pause() returns trigger language plpgsql as 'begin perform pg_advisory_xact_lock_shared(1); return new; end';
            create trigger pause before insert on saga_recovery.saga_node_event for each row execute function pause();
            """);
        await using NpgsqlConnection pauser = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction pause = await pauser.BeginTransactionAsync();
        await using (var block = new NpgsqlCommand("select pg_advisory_xact_lock(1)", pauser, pause))
        {
            await block.ExecuteNonQueryAsync();
        }

        Task<bool> writing = Db.AppendAsync(old, saga, events: SagaDatabase.Event(0, NodeEventType.Started));
        await Db.WaitForBlockedSessionAsync(); // its check is done, its insert is held up
        Task<Membership> joining = Db.JoinAsync(old.Coordinator);
        await WaitingBackendsAsync(2);
        joining.IsCompleted.Should().BeFalse();

        await pause.RollbackAsync();

        (await writing).Should().BeTrue();
        Membership present = await joining;
        ((LoadedSaga.Present)(await Db.LoadAsync(present, saga))[0]).Saga.Events.Should().ContainSingle();
    }

    [Fact]
    public async Task A_writer_that_arrives_during_a_join_writes_nothing()
    {
        Membership old = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(old);
        await using NpgsqlConnection joiner = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction join = await joiner.BeginTransactionAsync();
        await JoinAsync(joiner, join, old);

        Task<bool> writing = Db.AppendAsync(old, saga, SagaState.Succeeded, SagaDatabase.Event(0, NodeEventType.Started));
        Task<bool> abandoning = Db.NewStore().AbandonAsync(saga, old.Of(AdoptGeneration.Initial), new Abandonment("x", "y"), CancellationToken.None);
        Task<SagaId> creating = Db.CreateSagaAsync(old);
        await WaitingBackendsAsync(3);
        await join.CommitAsync();

        foreach (Func<Task> write in new Func<Task>[] { () => writing, () => abandoning, () => creating })
        {
            (await write.Should().ThrowAsync<CoordinatorFencedException>()).Which.By.Should().Be(new Incarnation(2));
        }

        (await Db.CountEventsAsync(saga)).Should().Be(0);
        (await Db.StateOfAsync(saga)).Should().Be("running");
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga")).Should().Be(1);
    }

    [Fact]
    public async Task A_writer_that_arrives_during_the_reassignment_of_its_saga_writes_nothing_about_it()
    {
        Membership us = await Db.JoinAsync();
        Membership others = await Db.JoinAsync();
        SagaId leaving = await Db.CreateSagaAsync(us);
        SagaId staying = await Db.CreateSagaAsync(us);
        await using NpgsqlConnection operatorConnection = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction reassign = await operatorConnection.BeginTransactionAsync();
        await LockAsync(operatorConnection, reassign, us);
        await using var take = new NpgsqlCommand(
            """
            update saga_recovery.saga set current_coordinator = $2, adopt_generation = adopt_generation + 1
            where id = $3 and current_coordinator = $1
            """, operatorConnection, reassign)
        {
            Parameters = { new() { Value = us.Coordinator.Value }, new() { Value = others.Coordinator.Value }, new() { Value = leaving.Value } },
        };
        (await take.ExecuteNonQueryAsync()).Should().Be(1);

        Task<IReadOnlyList<bool>> writing = Db.Log.AppendAsync(
            us,
            [
                new SagaLogEntry(leaving, AdoptGeneration.Initial, [SagaDatabase.Event(0, NodeEventType.Started)], SagaState.Succeeded),
                new SagaLogEntry(staying, AdoptGeneration.Initial, [SagaDatabase.Event(0, NodeEventType.Started)]),
            ],
            CancellationToken.None);
        await Db.WaitForBlockedSessionAsync();
        await reassign.CommitAsync();

        (await writing).Should().Equal(false, true);
        (await Db.CountEventsAsync(leaving)).Should().Be(0);
        (await Db.StateOfAsync(leaving)).Should().Be("running");
        (await Db.CountEventsAsync(staying)).Should().Be(1);
    }

    [Fact]
    public async Task A_waiting_join_reports_the_writer_it_waits_for_and_ends_a_stalled_one()
    {
        Membership old = await Db.JoinAsync();
        using var log = new LogLines();
        using ILoggerFactory loggers = LoggerFactory.Create(logging => logging.AddProvider(log));
        await using NpgsqlConnection stopped = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction halfway = await StopInAWriteAsync(stopped, old);
        await using var ask = new NpgsqlCommand("select pg_backend_pid()", stopped, halfway);
        object? backend = await ask.ExecuteScalarAsync(); // behind a pooler not the connection's

        Membership present = await Db.NewStore(logger: loggers.CreateLogger<OwnerLock>(), stalled: TimeSpan.FromMilliseconds(1)).JoinAsync(old.Coordinator, CancellationToken.None);

        present.Incarnation.Should().Be(new Incarnation(2));
        log.Lines.Should().Contain(line => line.EventId == 23 && line.Message.Contains($"backend {backend}"));
        log.Lines.Should().Contain(line => line.EventId == 27);
    }

    [Theory]
    [InlineData("reassign")]
    [InlineData("abandon")]
    [InlineData("inject-error")]
    [InlineData("retry-undo")]
    [InlineData("revoke")]
    public async Task Every_reassignment_ends_a_stalled_writer_of_the_former_owner(string taking)
    {
        Membership owner = await Db.JoinAsync();
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        SagaId saga = await Db.CreateSagaAsync(owner);
        await Db.AppendAsync(owner, saga, taking == "retry-undo" ? SagaState.Stuck : null, SagaDatabase.Event(0, NodeEventType.Started));
        await using NpgsqlConnection stopped = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction halfway = await StopInAWriteAsync(stopped, owner);
        using var log = new LogLines();
        using ILoggerFactory loggers = LoggerFactory.Create(logging => logging.AddProvider(log));
        OwnerLock ownerLock = Db.NewOwnerLock(loggers.CreateLogger<OwnerLock>(), stalled: TimeSpan.FromMilliseconds(1));
        var operations = new PostgresSagaOperations(Db.Database, Db.Schema, Db.Search, ownerLock);
        var note = new OperatorNote("ann", "a test");
        var now = new OperatorActionCondition { EvenIfOwnerAnswers = true };

        bool done = taking switch
        {
            "reassign" => await new PostgresSagaCluster(Db.Database, Db.Search, ownerLock, Db.Ranges, TimeProvider.System).ReassignAsync(
                new Reassignment(owner.Coordinator, [taker.Id]) { EvenIfOwnerAnswers = true }, note, CancellationToken.None) is ReassignOutcome.Done { Moved: 1 },
            "abandon" => await operations.AbandonAsync(saga, now, note, CancellationToken.None) is OperatorActionResult.Done,
            "inject-error" => await operations.InjectErrorAsync(saga, "only", now, note, CancellationToken.None) is OperatorActionResult.Done,
            "retry-undo" => await operations.RetryUndoAsync(saga, OperatorActionCondition.None, note, CancellationToken.None) is OperatorActionResult.Done,
            _ => await operations.RevokeJoinsAsync(note, CancellationToken.None) >= 2,
        };

        done.Should().BeTrue();
        log.Lines.Should().Contain(line => line.EventId == 27);
        Func<Task> goingOn = () => halfway.CommitAsync();
        await goingOn.Should().ThrowAsync<NpgsqlException>("its connection was ended");
    }

    private Task WaitingBackendsAsync(int count) => Eventually.HoldsAsync(
        () => Db.QueryAsync<bool>(
            "select count(*) >= @Count from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()", new { Count = count }),
        $"{count} backends waited for locks");

    /// <summary>A write of this process that holds its lock and stalls.</summary>
    private async Task<NpgsqlTransaction> StopInAWriteAsync(NpgsqlConnection connection, Membership member)
    {
        NpgsqlTransaction halfway = await connection.BeginTransactionAsync();
        await using var check = new NpgsqlCommand(Db.Database.Statements.Lock, connection, halfway)
        {
            Parameters = { new() { Value = member.Coordinator.Value } },
        };
        await check.ExecuteNonQueryAsync();
        return halfway;
    }

    /// <summary>The statements of a join, up to its commit.</summary>
    private async Task JoinAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Membership member)
    {
        await LockAsync(connection, transaction, member);
        await using var join = new NpgsqlCommand(
            "update saga_recovery.saga_coordinator set incarnation = incarnation + 1, token = gen_random_uuid() where id = $1", connection, transaction)
        {
            Parameters = { new() { Value = member.Coordinator.Value } },
        };
        await join.ExecuteNonQueryAsync();
    }

    private async Task LockAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Membership member)
    {
        await using var take = new NpgsqlCommand(Db.Database.Statements.LockExclusively, connection, transaction)
        {
            Parameters = { new() { Value = member.Coordinator.Value } },
        };
        await take.ExecuteNonQueryAsync();
    }
}
