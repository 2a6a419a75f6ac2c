using SagaRecovery.Bookkeeping;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>A database that loses its last commits under a process that lives on: its running sagas continue, and their logs have no gaps.</summary>
public sealed class LostCommitTests
{
    private readonly InMemorySagaStore _store = new() { LosableCommits = 4 };

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_running_saga_continues_and_its_log_is_whole(int lost)
    {
        var gate = new Gate();
        TestSaga saga = Chain(gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await gate.ArrivalAsync(); // the first two steps are logged, and the start of the third

        _store.LoseLastCommits(lost);
        gate.Open();
        SagaResult result = await handle.Completion.Soon();

        result.Should().BeOfType<SagaResult.Succeeded>();
        StoredSaga stored = _store.Get(handle.SagaId);
        stored.State.Should().Be(SagaState.Succeeded);
        stored.Events.Select(one => (one.NodeId, one.Type)).Should().BeEquivalentTo(
        [
            (0, NodeEventType.Started), (0, NodeEventType.Succeeded), (1, NodeEventType.Started), (1, NodeEventType.Succeeded),
            (2, NodeEventType.Started), (2, NodeEventType.Succeeded), (3, NodeEventType.Started), (3, NodeEventType.Succeeded),
        ]);
        process.Coordinator.Status.Rejoins.Should().Be(1);
        process.ReadInbox().Should().Contain(message => message.Kind == StartMessageKind.Ended && message.Lease.SagaId == handle.SagaId);
    }

    [Fact]
    public async Task A_database_that_is_started_anew_once_more_during_the_restore_interrupts_no_step()
    {
        var gate = new Gate();
        TestSaga saga = Chain(gate);
        int losses = 0;
        var log = new ScriptedLog(_store);
        log.BeforeRestore = () =>
        {
            if (++losses == 1)
            {
                _store.LoseLastCommits(0);
            }

            return Task.CompletedTask;
        };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await gate.ArrivalAsync();

        _store.LoseLastCommits(1);
        gate.Open();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        losses.Should().Be(2);
        process.Coordinator.Status.Rejoins.Should().Be(2);
    }

    [Fact]
    public async Task A_saga_that_unwinds_is_restored_with_its_failure()
    {
        var gate = new Gate();
        var saga = new TestSaga("doomed", builder =>
        {
            SagaNode<string> first = builder.Node<string>("first", _ => Task.FromResult("made"), undo: (_, _) => gate.PassAsync());
            builder.Node("second", _ => Task.FromException(new SagaActionException("no", "no")), after: first);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await gate.ArrivalAsync();

        _store.LoseLastCommits(1); // the failure of the second, and the start of the undo
        _store.Get(handle.SagaId).State.Should().Be(SagaState.Running);
        gate.Open();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Unwound>();
        _store.Get(handle.SagaId).Events.Select(one => (one.NodeId, one.Type)).Should().BeEquivalentTo(
        [
            (0, NodeEventType.Started), (0, NodeEventType.Succeeded), (0, NodeEventType.UndoStarted), (0, NodeEventType.UndoFinished),
            (1, NodeEventType.Started), (1, NodeEventType.Failed),
        ]);
    }

    [Fact]
    public async Task A_saga_whose_row_is_lost_stops_and_reports_it()
    {
        var gate = new Gate();
        TestSaga saga = TestSaga.Gated(gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await gate.ArrivalAsync();

        _store.LoseLastCommits(1); // the row, with the start of the node
        gate.Open();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Be("the database has lost the saga");
        process.Lines.Count(114).Should().Be(1);
        process.ReadInbox().Should().Contain(message => message.Kind == StartMessageKind.Ended, "recovery counts and names it");
    }

    [Fact]
    public async Task A_log_that_continued_without_the_run_stops_it_and_the_saga_is_recovered_from_there()
    {
        var gate = new Gate();
        TestSaga saga = TestSaga.Gated(gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await gate.ArrivalAsync();
        _store.LoseLastCommits();
        Membership present = await process.Coordinator.RejoinAsync(process.Member, CancellationToken.None);
        await _store.AppendAsync(present, [new SagaLogEntry(handle.SagaId, AdoptGeneration.Initial, [new SavedNodeEvent(0, NodeEventType.Failed, default)])], CancellationToken.None);

        gate.Open();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        _store.Get(handle.SagaId).Events.Should().HaveCount(2, "nothing was added to what another had written");
        process.ReadInbox().Should().Contain(message => message.Kind == StartMessageKind.Interrupted);
    }

    [Fact]
    public async Task A_start_that_meets_a_database_that_was_started_anew_costs_no_request()
    {
        var gate = new Gate();
        TestSaga saga = TestSaga.Gated(gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        _store.LoseLastCommits();
        gate.Open();

        SagaHandle handle = await process.Client.StartAsync(saga, "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_process_that_another_has_joined_after_does_not_join_again()
    {
        var gate = new Gate();
        TestSaga saga = TestSaga.Gated(gate);
        await using TestProcess old = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await old.Client.StartAsync(saga, "");
        await gate.ArrivalAsync();
        _store.LoseLastCommits();
        await using TestProcess successor = await TestProcess.StartAsync(_store, [saga]);

        gate.Open();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        old.Coordinator.Status.Fenced!.By.Should().Be(successor.Member.Incarnation);
        _store.Get(handle.SagaId).Events.Should().ContainSingle("the old process wrote nothing more");
    }

    /// <summary>Three nodes, one after the other; the second waits at a gate.</summary>
    private static TestSaga Chain(Gate gate) => new("chain", builder =>
    {
        SagaNode<string> first = builder.Node<string>("first", _ => Task.FromResult("one"));
        SagaNode second = builder.Node("second", _ => Task.CompletedTask, after: first);
        SagaNode third = builder.Node("third", context => gate.PassAsync(context.CancellationToken), after: second);
        builder.Node("fourth", _ => Task.CompletedTask, after: third);
    });
}
