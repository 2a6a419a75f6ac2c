using System.Collections.Concurrent;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Postgres;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>Nodes whose effect is committed with the event that ends them. No row has a key that would keep a second one out.</summary>
public sealed class TransactionalNodeTests(PostgresCluster cluster) : DiskTests(cluster)
{
    private readonly ConcurrentQueue<string> _ran = new();

    [Fact]
    public async Task The_row_and_the_event_are_committed_together()
    {
        await using PostgresHost host = await StartAsync(Disk());

        SagaResult result = await RunAsync(host);

        result.Should().BeOfType<SagaResult.Succeeded>();
        (await DisksAsync(host)).Should().Equal("disk");
        (await host.ScalarAsync<long>("select count(distinct xmin::text) from (select xmin from disk union all select xmin from saga_recovery.saga_node_event where event_type = 'succeeded') both_rows"))
            .Should().Be(1, "one transaction has written both");
    }

    [Fact]
    public async Task An_action_that_fails_leaves_nothing_of_its_transaction()
    {
        await using PostgresHost host = await StartAsync(Saga(async (node, transaction) =>
        {
            await InsertAsync(node, transaction);
            throw new SagaActionException("full", "no space");
        }));

        SagaResult result = await RunAsync(host);

        result.Should().BeOfType<SagaResult.Unwound>().Which.Error.Code.Should().Be("full");
        (await DisksAsync(host)).Should().BeEmpty();
    }

    [Fact]
    public async Task The_undo_and_its_event_are_committed_together()
    {
        await using PostgresHost host = await StartAsync(new TestSaga("disk", saga =>
        {
            SagaNode disk = saga.TransactionalNode(
                "disk",
                InsertAsync,
                async (node, transaction) => (await ExecuteAsync(transaction, "delete from disk where saga = @saga", node)).Should().Be(1));
            saga.Node("fail", _ => throw new SagaActionException("broken", "it is broken"), after: disk);
        }));

        SagaResult result = await RunAsync(host);

        result.Should().BeOfType<SagaResult.Unwound>();
        (await DisksAsync(host)).Should().BeEmpty();
        (await EventsAsync(host)).Should().Equal("0 started", "0 succeeded", "0 undo_finished", "0 undo_started", "1 failed", "1 started");
    }

    [Fact]
    public async Task An_attempt_whose_answer_was_lost_counts_once_if_it_was_committed()
    {
        await using PostgresHost host = await StartAsync(Saga(async (node, transaction) =>
        {
            await InsertAsync(node, transaction);
            if (node.Attempt == 1)
            {
                await CommitElsewhereAsync(node);
                throw new TimeoutException("the answer was lost");
            }
        }));

        SagaResult result = await RunAsync(host);

        result.Should().BeOfType<SagaResult.Succeeded>();
        (await DisksAsync(host)).Should().Equal("committed before");
    }

    [Fact]
    public async Task An_undo_whose_answer_was_lost_does_not_run_again()
    {
        int undone = 0;
        await using PostgresHost host = await StartAsync(new TestSaga("disk", saga =>
        {
            SagaNode disk = saga.TransactionalNode("disk", InsertAsync, async (node, _) =>
            {
                undone++;
                await CommitElsewhereAsync(node, "delete from disk; insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, creator) values (@saga, 0, 'undo_finished', @creator)");
                throw new TimeoutException("the answer was lost");
            });
            saga.Node("fail", _ => throw new SagaActionException("broken", "it is broken"), after: disk);
        }));

        (await RunAsync(host)).Should().BeOfType<SagaResult.Unwound>();

        undone.Should().Be(1);
    }

    [Fact]
    public async Task A_failure_does_not_contradict_an_attempt_that_was_committed()
    {
        await using PostgresHost host = await StartAsync(Saga(async (node, _) =>
        {
            await CommitElsewhereAsync(node);
            throw new SagaActionException("broken", "after all");
        }));

        SagaResult result = await RunAsync(host);

        result.Should().BeOfType<SagaResult.Succeeded>();
        (await EventsAsync(host)).Should().Equal("0 started", "0 succeeded");
    }

    [Fact]
    public async Task A_failure_waits_for_an_attempt_whose_commit_is_on_its_way()
    {
        await using var connection = new NpgsqlConnection(Database);
        await connection.OpenAsync();
        NpgsqlTransaction? earlier = null;
        await using PostgresHost host = await StartAsync(Saga(async (node, _) =>
        {
            earlier = await connection.BeginTransactionAsync();
            await connection.ExecuteAsync($"select id from saga_recovery.saga where id = @saga for no key update; {CommittedBefore}", OfNode(node));
            throw new SagaActionException("broken", "after all");
        }));
        SagaHandle saga = await host.Client.StartAsync(host.Saga("disk"), "");

        await Eventually.HoldsAsync(
            () => host.ScalarAsync<bool>("select exists (select from pg_locks where not granted and locktype = 'transactionid')"), "the failure waits");
        await earlier!.CommitAsync();

        (await saga.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        (await EventsAsync(host)).Should().Equal("0 started", "0 succeeded");
    }

    [Fact]
    public async Task A_cancelled_saga_lets_the_node_end_although_it_has_no_undo()
    {
        var gate = new Gate();
        await using PostgresHost host = await StartAsync(Saga(async (node, transaction) =>
        {
            await InsertAsync(node, transaction);
            await gate.PassAsync(node.CancellationToken);
        }));
        SagaHandle saga = await host.Client.StartAsync(host.Saga("disk"), "");
        await gate.ArrivalAsync();

        await host.Client.CancelAsync(saga.SagaId, "not needed");
        gate.Open();

        (await saga.Completion.Soon()).Should().BeOfType<SagaResult.Cancelled>();
        (await EventsAsync(host)).Should().Equal("0 started", "0 succeeded", "0 undo_finished", "0 undo_started");
    }

    [Fact]
    public async Task A_step_of_a_saga_that_was_abandoned_meanwhile_ends_without_an_effect()
    {
        var gate = new Gate();
        await using PostgresHost host = await StartAsync(Saga(async (node, transaction) =>
        {
            await InsertAsync(node, transaction);
            await gate.PassAsync();
        }));
        SagaHandle saga = await host.Client.StartAsync(host.Saga("disk"), "");
        await gate.ArrivalAsync();

        await host.ExecuteAsync("update saga_recovery.saga set state = 'abandoned', abandon_time = now(), abandon_reason = 'by force', abandon_comment = ''");
        gate.Open();

        (await saga.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Contain("no longer owns");
        (await DisksAsync(host)).Should().BeEmpty();
    }

    [Fact]
    public async Task Connections_to_another_database_do_no_harm()
    {
        await using NpgsqlDataSource recovery = NpgsqlDataSource.Create(Database);
        string elsewhere = await NewDatabaseAsync();
        await using (PostgresHost other = await PostgresHost.StartAsync(elsewhere, Coordinator))
        {
            await other.ActivateAsync(); // it has the tables, and a join of the same coordinator
        }

        int acted = 0;
        await using PostgresHost host = await PostgresHost.StartAsync(
            elsewhere,
            Coordinator,
            services => services.AddKeyedSingleton(PostgresStoreOptions.RecoveryDataSource, recovery),
            Saga((_, _) => Task.FromResult(acted++)));
        SagaHandle saga = await host.Client.StartAsync(host.Saga("disk"), "");
        await Eventually.HoldsAsync(
            () => ScalarAsync<bool>("select exists (select from pg_stat_activity where datname <> current_database() and query like '%saga_coordinator%')"),
            "the node has looked for its end there");
        await host.ActivateAsync();

        await host.StopAsync();

        (await saga.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Contain("shutting down", "the process is not fenced");
        acted.Should().Be(0);
    }

    [Fact]
    public async Task A_process_that_was_replaced_commits_nothing()
    {
        var pausedGate = new Gate();
        var gate = new Gate();
        await using PostgresHost paused = await StartAsync(Saga(async (node, transaction) =>
        {
            await ExecuteAsync(transaction, "insert into disk values (@saga, 'paused')", node);
            await pausedGate.PassAsync(); // as a process that sleeps: it heeds no token
        }));
        SagaHandle saga = await paused.Client.StartAsync(paused.Saga("disk"), "");
        await pausedGate.ArrivalAsync();

        await using PostgresHost successor = await StartAsync(Saga(async (node, transaction) =>
        {
            await InsertAsync(node, transaction);
            await gate.PassAsync(node.CancellationToken);
        }));
        await successor.ActivateAsync();
        await gate.ArrivalAsync();
        pausedGate.Open();
        await saga.Completion.Soon();
        gate.Open();

        (await successor.Client.WaitAsync(saga.SagaId).Soon()).Should().BeOfType<SagaResult.Succeeded>();
        (await DisksAsync(successor)).Should().Equal("disk");
    }

    [Fact]
    public async Task A_saga_that_was_reassigned_commits_nothing_in_its_former_owner()
    {
        var gate = new Gate();
        await using PostgresHost host = await StartAsync(Saga(async (node, transaction) =>
        {
            await InsertAsync(node, transaction);
            await gate.PassAsync();
        }));
        SagaHandle saga = await host.Client.StartAsync(host.Saga("disk"), "");
        await gate.ArrivalAsync();

        await host.ExecuteAsync("update saga_recovery.saga set current_coordinator = gen_random_uuid(), adopt_generation = 2");
        gate.Open();

        (await saga.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Contain("no longer owns");
        (await DisksAsync(host)).Should().BeEmpty();
        (await EventsAsync(host)).Should().Equal("0 started");
    }

    [Fact]
    public async Task Another_saga_can_start_in_the_transaction()
    {
        TestSaga child = new("child", saga => saga.Node("only", node =>
        {
            _ran.Enqueue(node.Parameters);
            return Task.CompletedTask;
        }));
        PostgresHost host = null!;
        host = await PostgresHost.StartAsync(Database, Coordinator, child, Saga(async (node, transaction) =>
        {
            await InsertAsync(node, transaction);
            await host.Client.StartAsync(child, "of the disk", transaction, new SagaStartOptions { Key = node.SagaId.ToString() });
            if (node.Attempt == 1)
            {
                throw new TimeoutException();
            }
        }));
        await using (host)
        {
            (await RunAsync(host)).Should().BeOfType<SagaResult.Succeeded>();
            await Eventually.HoldsAsync(() => !_ran.IsEmpty, "the child has run");
        }

        _ran.Should().Equal("of the disk");
    }
}
