using System.Collections.Concurrent;
using EmbeddedPostgres;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>Recovery, executor and Postgres together, in one process: their behavior with bad input and a failing database.</summary>
public sealed class WholeChainTests : IAsyncLifetime
{
    private readonly Guid _coordinator = Guid.NewGuid();
    private readonly ConcurrentQueue<SagaId> _actions = new();
    private ThrowawayCluster _cluster = null!;
    private string _database = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await ThrowawayCluster.StartAsync();
        _database = await _cluster.NewDatabaseAsync();
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task Corrupt_sagas_are_abandoned_with_the_reason_unknown_ones_are_left_alone_and_good_ones_are_continued()
    {
        var never = new Gate();
        List<SagaId> ids = [];
        await using (PostgresHost first = await PostgresHost.StartAsync(_database, _coordinator, TwoSteps(never), TestSaga.Gated(never)))
        {
            for (int i = 0; i < 30; i++)
            {
                ids.Add((await first.Client.StartAsync(TwoStepsOf(first), "")).SagaId);
            }

            ids.Add((await first.Client.StartAsync(GatedOf(first), "")).SagaId);
            for (int i = 0; i < 31; i++)
            {
                await never.ArrivalAsync();
            }
        }

        (SagaId illegal, SagaId corrupt, SagaId unknown) = (ids[0], ids[1], ids[30]);
        _actions.Clear();
        var open = new Gate();
        open.Open();
        await using PostgresHost second = await PostgresHost.StartAsync(_database, Guid.NewGuid(), TwoSteps(open));
        await second.ActivateAsync();
        await second.ExecuteAsync(
            """
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, creator) values (@Illegal, 1, 'succeeded', @Illegal), (@Illegal, 1, 'failed', @Illegal);
            with copy as (
                insert into saga_recovery.saga_definition (hash, name, version, dag)
                select sha256('other'), name, version, dag from saga_recovery.saga_definition where name = 'two-steps' returning hash)
            update saga_recovery.saga set definition_hash = (select hash from copy) where id = @Corrupt;
            """,
            new { Illegal = illegal.Value, Corrupt = corrupt.Value });
        await second.ExecuteAsync(
            "update saga_recovery.saga set current_coordinator = @To, adopt_generation = adopt_generation + 1",
            new { To = second.Coordinator.Id.Value });

        PassReport pass = await second.ActivateAsync();

        pass.Should().Match<PassReport>(p => p.Found == 31 && p.Recovered == 28 && p.Abandoned == 2 && p.UnknownDefinition == 1 && p.Failed == 0);
        foreach (SagaId good in ids[2..30])
        {
            if (second.Client.Find(good) is { } run)
            {
                await run.Completion.Soon();
            }

            (await second.DescribeAsync(good)).Should().Be("succeeded");
        }

        (await second.DescribeAsync(illegal)).Should().StartWith("abandoned: unrecoverable: illegal log: ").And.Contain("'last'");
        (await second.DescribeAsync(corrupt)).Should().StartWith("abandoned: unrecoverable: ").And.Contain("hash");
        (await second.DescribeAsync(unknown)).Should().Be("running");
        second.Status.RenderText().Should().Contain("definition 'gated' version 1");
        _actions.Should().BeEmpty("the first step had succeeded everywhere");
    }

    [Fact]
    public async Task Sagas_that_were_being_undone_continue_to_unwind()
    {
        var never = new Gate();
        List<SagaId> ids = [];
        await using (PostgresHost first = await PostgresHost.StartAsync(_database, _coordinator, Failing(never)))
        {
            for (int i = 0; i < 10; i++)
            {
                ids.Add((await first.Client.StartAsync(first.Saga("failing"), "")).SagaId);
                await never.ArrivalAsync(); // its undo has begun
            }
        }

        _actions.Should().HaveCount(10);
        var gate = new Gate();
        await using PostgresHost second = await PostgresHost.StartAsync(_database, _coordinator, Failing(gate));
        for (int i = 0; i < 10; i++)
        {
            await gate.ArrivalAsync();
        }

        List<SagaHandle> runs = [.. ids.Select(id => second.Client.Find(id)!)];
        gate.Open();

        foreach (SagaHandle run in runs)
        {
            (await run.Completion.Soon()).Should().BeOfType<SagaResult.Unwound>().Which.Error.Code.Should().Be("broken");
            (await second.DescribeAsync(run.SagaId)).Should().Be("unwound");
        }

        _actions.Should().HaveCount(10, "no action is run again once its saga is being undone");
    }

    [Fact]
    public async Task A_database_that_goes_away_in_mid_flight_costs_nothing()
    {
        var gate = new Gate();
        await using PostgresHost host = await PostgresHost.StartAsync(_database, _coordinator, TwoSteps(gate));
        List<SagaHandle> sagas = [];
        for (int i = 0; i < 20; i++)
        {
            sagas.Add(await host.Client.StartAsync(TwoStepsOf(host), ""));
        }

        for (int i = 0; i < 20; i++)
        {
            await gate.ArrivalAsync();
        }

        await _cluster.Cluster.StopAsync(StopMode.Immediate);
        gate.Open(); // every saga now wants to write
        (await host.ActivateAsync()).Result.Should().Be(PassResult.Failed);
        await _cluster.Cluster.StartAsync();

        foreach (SagaHandle saga in sagas)
        {
            (await saga.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
            (await host.DescribeAsync(saga.SagaId)).Should().Be("succeeded");
        }

        _actions.Should().HaveCount(20).And.OnlyHaveUniqueItems();
        await GoodPassAsync(host);
        host.Status.Current.Totals.Should().Match<RecoveryTotals>(t => t.Recovered == 0 && t.Abandoned == 0);
    }

    [Fact]
    public async Task A_host_that_starts_before_its_database_recovers_once_the_database_is_up()
    {
        var never = new Gate();
        SagaId left;
        await using (PostgresHost first = await PostgresHost.StartAsync(_database, _coordinator, TwoSteps(never)))
        {
            left = (await first.Client.StartAsync(TwoStepsOf(first), "")).SagaId;
            await never.ArrivalAsync();
        }

        await _cluster.Cluster.StopAsync();
        var gate = new Gate();
        await using PostgresHost second = await PostgresHost.StartAsync(_database, _coordinator, TwoSteps(gate));
        (await second.ActivateAsync()).Result.Should().Be(PassResult.Failed);
        await _cluster.Cluster.StartAsync();

        await gate.ArrivalAsync(); // a retried pass has resumed it
        SagaHandle run = second.Client.Find(left)!;
        gate.Open();
        (await run.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task The_older_of_two_processes_under_one_id_is_fenced_stops_its_sagas_and_starts_no_more()
    {
        var olderGate = new Gate();
        var newerGate = new Gate();
        await using PostgresHost older = await PostgresHost.StartAsync(_database, _coordinator, TwoSteps(olderGate));
        SagaHandle begun = await older.Client.StartAsync(TwoStepsOf(older), "");
        await olderGate.ArrivalAsync();

        await using PostgresHost newer = await PostgresHost.StartAsync(_database, _coordinator, TwoSteps(newerGate));
        await newerGate.ArrivalAsync(); // it has recovered the saga, which now runs in both
        olderGate.Open(); // the older one wants to write its result

        (await begun.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        older.Coordinator.Fenced.IsCancellationRequested.Should().BeTrue();
        older.Status.RenderText().Should().Contain("FENCED by incarnation 2");
        await FluentActions.Awaiting(() => older.Client.StartAsync(TwoStepsOf(older), "")).Should().ThrowAsync<CoordinatorFencedException>();

        SagaHandle run = newer.Client.Find(begun.SagaId)!;
        newerGate.Open();
        (await run.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        (await newer.DescribeAsync(begun.SagaId)).Should().Be("succeeded");
    }

    private static async Task GoodPassAsync(PostgresHost host)
    {
        PassReport pass = await host.ActivateAsync();
        while (pass.Result == PassResult.Failed) // connections that died with the server are found one by one
        {
            pass = await host.ActivateAsync();
        }
    }

    private static Saga<string> TwoStepsOf(PostgresHost host) => host.Saga("two-steps");

    private static Saga<string> GatedOf(PostgresHost host) => host.Saga("gated");

    /// <summary>The first step is recorded, and undone through the gate, since the second fails.</summary>
    private TestSaga Failing(Gate gate) => new("failing", saga =>
    {
        SagaNode first = saga.Node("first", NoteAsync, context => gate.PassAsync(context.CancellationToken));
        saga.Node("last", _ => Task.FromException(new SagaActionException("broken", "as scripted")), undo: null, first);
    });

    /// <summary>The first step is recorded; the second passes the gate.</summary>
    private TestSaga TwoSteps(Gate gate) => new("two-steps", saga =>
    {
        SagaNode first = saga.Node("first", NoteAsync);
        saga.Node("last", context => gate.PassAsync(context.CancellationToken), undo: null, first);
    });

    private Task NoteAsync(NodeContext<string> context)
    {
        _actions.Enqueue(context.SagaId);
        return Task.CompletedTask;
    }
}
