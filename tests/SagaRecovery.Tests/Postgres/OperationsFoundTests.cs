using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;
using static SagaRecovery.Tests.Support.SagaDatabase;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Defects of the operations in Postgres that the use of the operators' tool revealed.</summary>
public class OperationsFoundTests(PostgresCluster cluster, Pooler? pooler = null) : PostgresTest(cluster, pooler)
{
    private static readonly OperatorNote s_note = new("ada", "a test");

    private PostgresSagaOperations Operations => new PostgresSagaOperations(Db.Database, Db.Schema, Db.Search, Db.NewOwnerLock());

    [Fact]
    public async Task Events_that_were_written_together_are_listed_in_the_order_in_which_they_happened()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, newState: null, Event(0, NodeEventType.Succeeded), Event(0, NodeEventType.Started), Event(1, NodeEventType.Started), Event(1, NodeEventType.Failed));
        await Db.AppendAsync(us, saga, newState: null, Event(0, NodeEventType.UndoStarted), Event(1, NodeEventType.UndoStarted), Event(1, NodeEventType.UndoFinished), Event(0, NodeEventType.UndoFailed));

        SagaDetails? details = await Operations.FindAsync(saga, CancellationToken.None);

        details!.Events.Select(entry => (entry.NodeId, entry.Type)).Should().Equal(
            (0, NodeEventType.Started), (0, NodeEventType.Succeeded), (1, NodeEventType.Started), (1, NodeEventType.Failed),
            (1, NodeEventType.UndoStarted), (1, NodeEventType.UndoFinished), (0, NodeEventType.UndoStarted), (0, NodeEventType.UndoFailed));
    }

    [Fact]
    public async Task A_saga_whose_state_changes_while_the_operator_action_waits_is_not_abandoned()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        var seen = new OperatorActionCondition { State = SagaState.Running, EvenIfOwnerAnswers = true };

        OperatorActionResult outcome = await AbandonWhileAsync(us, saga, seen, "update saga_recovery.saga set state = 'unwinding'");

        outcome.Should().BeOfType<OperatorActionResult.Superseded>().Which.Reason.Should().Be("it was running when you saw it");
        (await Db.StateOfAsync(saga)).Should().Be("unwinding");
    }

    [Fact]
    public async Task A_saga_whose_owner_comes_back_while_the_operator_action_waits_is_not_abandoned()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set time_seen = now() - interval '1 hour'");

        OperatorActionResult outcome = await AbandonWhileAsync(
            us, saga, OperatorActionCondition.None, "update saga_recovery.saga_coordinator set time_seen = clock_timestamp()");

        outcome.Should().BeOfType<OperatorActionResult.OwnerAnswers>().Which.Owner.Id.Should().Be(us.Coordinator);
        (await Db.StateOfAsync(saga)).Should().Be("running");
    }

    [Fact]
    public async Task A_saga_that_is_reassigned_while_the_operator_action_waits_is_not_reported_as_ended()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        var force = new OperatorActionCondition { EvenIfOwnerAnswers = true };

        OperatorActionResult outcome = await AbandonWhileAsync(us, saga, force, "update saga_recovery.saga set adopt_generation = adopt_generation + 1");

        outcome.Should().BeOfType<OperatorActionResult.Superseded>().Which.Reason.Should().Be("it changed while the action ran");
    }

    [Fact]
    public async Task A_name_of_megabytes_is_cut_before_it_is_read()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync("update saga_recovery.saga set name = repeat('n', 3000000)");

        (await Operations.ListAsync(new SagaFilter(), CancellationToken.None)).Single().Name.Length.Should().Be(1_000);
        (await Operations.FindAsync(saga, CancellationToken.None))!.Summary.Name.Length.Should().Be(1_000);
        (await Operations.CountAsync(CancellationToken.None)).Single().Name.Length.Should().Be(1_000);
    }

    /// <summary>Holds the lock on the owner, as a write under way does, until the operator action waits for it; then changes a row, and commits.</summary>
    private async Task<OperatorActionResult> AbandonWhileAsync(Membership owner, SagaId saga, OperatorActionCondition condition, string change)
    {
        await using NpgsqlConnection other = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction write = await other.BeginTransactionAsync();
        await using (var hold = new NpgsqlCommand(Db.LockOn(owner.Coordinator, shared: true), other))
        {
            await hold.ExecuteNonQueryAsync();
        }

        Task<OperatorActionResult> kind = Operations.AbandonAsync(saga, condition, s_note, CancellationToken.None);
        await Db.WaitForBlockedSessionAsync();
        await using (var meanwhile = new NpgsqlCommand(change, other))
        {
            await meanwhile.ExecuteNonQueryAsync();
        }

        await write.CommitAsync();
        return await kind;
    }
}
