using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Tests.Support;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>Transactional nodes after a restart of the server, or a fail-over that has lost commits: the join of the process is lost.</summary>
public sealed class TransactionalNodeLossTests(PostgresCluster cluster) : DiskTests(cluster)
{
    private readonly Gate _gate = new();
    private int _acted;

    [Fact]
    public async Task An_action_in_flight_runs_again_after_the_process_has_joined_again()
    {
        await using PostgresHost host = await StartAsync(GatedOnce());
        SagaHandle saga = await ArriveAsync(host);

        await LoseJoinAsync(host);
        _gate.Open();

        (await saga.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        _acted.Should().Be(2, "the first transaction was refused");
        (await DisksAsync(host)).Should().Equal("disk");
    }

    [Fact]
    public async Task A_step_of_a_held_saga_ends_too()
    {
        await using PostgresHost host = await StartAsync(GatedOnce());
        SagaHandle saga = await ArriveAsync(host);
        await host.Services.GetRequiredService<ISagaExecutor>().SuspendAsync(saga.SagaId, CancellationToken.None);

        await LoseJoinAsync(host);
        _gate.Open();

        await saga.Completion.Soon();
        (await EventsAsync(host)).Should().Equal("0 started", "0 succeeded");
        (await DisksAsync(host)).Should().Equal("disk");
    }

    [Fact]
    public async Task An_attempt_that_was_committed_although_its_answer_was_lost_with_the_server_interrupts_no_saga()
    {
        PostgresHost host = null!;
        host = await StartAsync(Saga(async (node, _) =>
        {
            _acted++;
            await CommitElsewhereAsync(node);
            await LoseJoinAsync(host);
            throw new TimeoutException("the server has died");
        }));
        await using (host)
        {
            (await RunAsync(host)).Should().BeOfType<SagaResult.Succeeded>();
            _acted.Should().Be(1);
            (await DisksAsync(host)).Should().Equal("committed before");
        }
    }

    [Fact]
    public async Task A_restart_of_the_server_that_loses_nothing_interrupts_no_saga()
    {
        await using PostgresHost host = await StartAsync(DiskAndWait());
        SagaHandle saga = await ArriveAsync(host);

        await LoseJoinAsync(host);
        _gate.Open();

        (await saga.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        (await DisksAsync(host)).Should().Equal("disk");
    }

    [Fact]
    public async Task A_row_that_the_database_has_lost_is_made_again_with_its_event()
    {
        await using PostgresHost host = await StartAsync(DiskAndWait());
        SagaHandle saga = await ArriveAsync(host);

        // As after a fail-over to a standby that lacks the last commits.
        await host.ExecuteAsync("delete from disk; delete from saga_recovery.saga_node_event where (node_id, event_type) <> (0, 'started')");
        await LoseJoinAsync(host);
        _gate.Open();

        (await saga.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Contain("log in the database");
        await host.ActivateAsync();
        (await host.Client.WaitAsync(saga.SagaId).Soon()).Should().BeOfType<SagaResult.Succeeded>();
        (await DisksAsync(host)).Should().Equal("disk");
    }

    [Fact]
    public async Task A_node_without_an_undo_is_unwound_across_a_restart_of_the_server()
    {
        PostgresHost host = null!;
        host = await StartAsync(new TestSaga("disk", saga => saga.Node(
            "fail",
            async _ =>
            {
                await LoseJoinAsync(host);
                throw new SagaActionException("broken", "it is broken");
            },
            after: saga.TransactionalNode("disk", InsertAsync))));
        await using (host)
        {
            (await RunAsync(host)).Should().BeOfType<SagaResult.Unwound>();
        }
    }

    /// <summary>A node that waits at the gate when it runs for the first time.</summary>
    private TestSaga GatedOnce() => Saga(async (node, transaction) =>
    {
        await InsertAsync(node, transaction);
        if (Interlocked.Increment(ref _acted) == 1)
        {
            await _gate.PassAsync(node.CancellationToken);
        }
    });

    /// <summary>A node that inserts a disk, and one after it that waits at the gate.</summary>
    private TestSaga DiskAndWait() => new("disk", saga => saga.Node(
        "wait", node => _gate.PassAsync(node.CancellationToken), after: saga.TransactionalNode("disk", InsertAsync)));

    private async Task<SagaHandle> ArriveAsync(PostgresHost host)
    {
        SagaHandle saga = await host.Client.StartAsync(host.Saga("disk"), "");
        await _gate.ArrivalAsync();
        return saga;
    }
}
