using System.Collections.Concurrent;
using System.Text;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

public sealed class RunTests
{
    private readonly InMemorySagaStore _store = new();

    [Fact]
    public async Task A_saga_whose_actions_all_succeed_succeeds_and_its_outputs_can_be_read()
    {
        SagaNode<int>? sum = null;
        var saga = new TestSaga("sums", builder =>
        {
            SagaNode<int> two = builder.Node("two", _ => Task.FromResult(2));
            SagaNode<int> length = builder.Node("length", context => Task.FromResult(context.Parameters.Length));
            sum = builder.Node("sum", context => Task.FromResult(context.Output(two) + context.Output(length)), after: [two, length]);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "four");

        SagaResult result = await handle.Completion.Soon();
        result.Should().BeOfType<SagaResult.Succeeded>().Which.Output(sum!).Should().Be(6);
        StoredSaga stored = _store.Get(handle.SagaId);
        stored.State.Should().Be(SagaState.Succeeded);
        stored.Events.Should().HaveCount(6);
        process.Lines.Count(100).Should().Be(1);
        process.Lines.Count(102).Should().Be(1);
    }

    [Fact]
    public async Task A_saga_is_announced_inserted_confirmed_and_run_in_this_order()
    {
        List<string> order = [];
        var log = new ScriptedLog(_store);
        var saga = new TestSaga("ordered", builder => builder.Node("only", _ => Task.CompletedTask));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);
        log.AfterCreate = _ => Note("inserted");
        log.BeforeAppend = _ => Note("run");

        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await handle.Completion.Soon();

        order.Take(4).Should().Equal("Announced", "inserted", "Confirmed", "run");

        Task Note(string what)
        {
            order.AddRange(process.ReadInbox().Select(message => message.Kind.ToString()));
            order.Add(what);
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task A_failed_action_unwinds_what_was_done_in_reverse_order()
    {
        var saga = new DiamondSaga { Failing = "f" };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");

        SagaResult.Unwound result = (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Unwound>().Which;
        result.FailedNode.Should().Be("f");
        result.Error.Should().Be(new SagaError("broken", "f is broken"));
        _store.Get(handle.SagaId).State.Should().Be(SagaState.Unwound);
        saga.Undone.Should().BeEquivalentTo("d", "b", "e", "a");
        saga.Undone.Last().Should().Be("a");
        process.Lines.Text(103).Should().Contain("node f failed with broken: f is broken");
    }

    [Fact]
    public async Task The_state_unwinding_is_written_together_with_the_failure()
    {
        var log = new ScriptedLog(_store);
        var saga = new DiamondSaga { Failing = "f" };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);

        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await handle.Completion.Soon();

        SagaLogEntry[] entries = [.. log.Groups.SelectMany(group => group)];
        entries.Where(entry => entry.NewState is not null).Select(entry => entry.NewState).Should().Equal(SagaState.Unwinding, SagaState.Unwound);
        entries.Single(entry => entry.NewState == SagaState.Unwinding).Events
            .Should().Contain(nodeEvent => nodeEvent.Type == NodeEventType.Failed);
        entries[^1].Events.Should().Contain(nodeEvent => nodeEvent.NodeId == 0 && nodeEvent.Type == NodeEventType.UndoFinished);
    }

    [Fact]
    public async Task Every_event_is_durable_before_what_follows_from_it()
    {
        ConcurrentQueue<string> violations = new();
        var id = SagaId.NewAt(DateTimeOffset.UnixEpoch);
        var saga = new TestSaga("durable", builder =>
        {
            SagaNode first = builder.Node("first", _ => Check("0 Started"), _ => Check("0 UndoStarted"));
            builder.Node("second", _ => Check("0 Succeeded", "1 Started", fail: true), after: first);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "", new SagaStartOptions { Id = id });

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Unwound>().Which.FailedNode.Should().Be("second");
        violations.Should().BeEmpty();

        Task Check(string one, string? another = null, bool fail = false)
        {
            string[] log = [.. _store.Get(id).Events.Select(nodeEvent => $"{nodeEvent.NodeId} {nodeEvent.Type}")];
            string?[] missing = [.. new[] { one, another }.Where(wanted => wanted is not null && !log.Contains(wanted))];
            missing.ToList().ForEach(wanted => violations.Enqueue(wanted!));
            return fail ? Task.FromException(new SagaActionException("planned", "")) : Task.CompletedTask;
        }
    }

    [Fact]
    public async Task A_failed_undo_leaves_the_saga_stuck()
    {
        var saga = new DiamondSaga { Failing = "f", UndoFailing = "d", FailsLast = true };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");

        SagaResult.Stuck result = (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Stuck>().Which;
        result.Node.Should().Be("d");
        result.Error.Code.Should().Be("sticky");
        result.FailedNode.Should().Be("f");
        result.FailedNodeError.Code.Should().Be("broken");
        _store.Get(handle.SagaId).State.Should().Be(SagaState.Stuck);
        saga.Undone.Should().NotContain("a", "no further undo begins");
        process.Lines.Count(105).Should().Be(1);
    }

    [Fact]
    public async Task Any_exception_fails_an_action_with_its_type_as_the_code()
    {
        var saga = new TestSaga("thrower", builder => builder.Node("only", Task (_) => throw new NotSupportedException("a bug", new FormatException("its cause"))));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");

        SagaError error = (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Unwound>().Which.Error;
        error.Should().BeEquivalentTo(new { Code = "NotSupportedException", Message = "a bug", Attempts = 1, IsUncertain = false });
        error.Exception.Should().Contain("its cause").And.Contain(nameof(RunTests), "the stack trace names the code");
        Encoding.UTF8.GetString(_store.Get(handle.SagaId).Events[1].Data.Span)
            .Should().StartWith("""{"code":"NotSupportedException","message":"a bug","exception":""");
    }

    [Fact]
    public async Task An_unrequested_cancellation_is_a_failure_like_any_other()
    {
        var once = new NodePolicy { Action = StepPolicy.NoRetry };
        var saga = new TestSaga("impatient", builder => builder.Node("only", once, Task (_) => throw new TaskCanceledException("timed out")));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");

        (await handle.Completion.Soon()).Should().Be(new SagaResult.Unwound("only", new SagaError("TaskCanceledException", "timed out")));
    }

    [Fact]
    public async Task Injected_failures_come_in_place_of_the_code()
    {
        var saga = new DiamondSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaInjections inject = new SagaInjections().FailAction("e").FailUndo("b");

        SagaHandle handle = await process.Client.StartAsync(saga, "", new SagaStartOptions { Inject = inject });

        SagaResult.Stuck result = (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Stuck>().Which;
        result.Node.Should().Be("b");
        result.Error.Code.Should().Be(SagaInjections.ErrorCode);
        result.FailedNode.Should().Be("e");
        saga.Acted.Should().NotContain("e");
        saga.Undone.Should().NotContain("b");
    }

    [Fact]
    public async Task Injected_repeats_run_the_code_that_often_and_log_it_once()
    {
        var saga = new DiamondSaga { Failing = "f", FailsLast = true };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaInjections inject = new SagaInjections().Repeat("b", action: 3, undo: 2);

        SagaHandle handle = await process.Client.StartAsync(saga, "", new SagaStartOptions { Inject = inject });
        await handle.Completion.Soon();

        saga.Acted.Count(node => node == "b").Should().Be(3);
        saga.Undone.Count(node => node == "b").Should().Be(2);
        _store.Get(handle.SagaId).Events.Count(nodeEvent => nodeEvent.NodeId == 1).Should().Be(4);
    }

    [Fact]
    public async Task An_injection_for_a_node_that_the_saga_lacks_is_refused()
    {
        var saga = new DiamondSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        Func<Task> start = () => process.Client.StartAsync(saga, "", new SagaStartOptions { Inject = new SagaInjections().FailAction("z") });

        await start.Should().ThrowAsync<ArgumentException>().WithMessage("*node 'z'*'diamond' version 1 has no such node*");
        _store.Sagas.Should().BeEmpty();
    }

    [Fact]
    public async Task An_action_can_only_read_outputs_of_nodes_that_certainly_come_before_it()
    {
        var saga = new TestSaga("peeking", builder =>
        {
            SagaNode<int> aside = builder.Node("aside", _ => Task.FromResult(1));
            builder.Node("peek", context => Task.FromResult(context.Output(aside)));
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Unwound>()
            .Which.Error.Message.Should().StartWith("Node 'peek' reads the output of node 'aside' but does not come after it");
    }

    [Fact]
    public async Task A_saga_that_is_not_registered_is_not_started_and_a_repeated_start_announces_nothing_new()
    {
        var saga = new TestSaga("known", builder => builder.Node("only", _ => Task.CompletedTask));
        var stranger = new TestSaga("stranger", builder => builder.Node("only", _ => Task.CompletedTask));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle first = await process.Client.StartAsync(saga, "");
        await first.Completion.Soon();
        process.ReadInbox();

        Func<Task> unregistered = () => process.Client.StartAsync(stranger, "");
        SagaHandle again = await process.Client.StartAsync(saga, "", new SagaStartOptions { Id = first.SagaId });

        await unregistered.Should().ThrowAsync<ArgumentException>().WithMessage("Saga 'stranger' version 1*not the registered instance*");
        again.IsNew.Should().BeFalse();
        process.ReadInbox().Select(message => message.Kind.ToString()).Should().Equal("Announced", "Withdrawn");
    }

    [Fact]
    public async Task A_finished_saga_leaves_memory()
    {
        var gate = new Gate();
        TestSaga saga = TestSaga.Gated(gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await gate.ArrivalAsync();
        process.Client.Find(handle.SagaId)!.Completion.Should().BeSameAs(handle.Completion);
        process.Executor.Running.Should().Be(1);

        gate.Open();
        await handle.Completion.Soon();

        process.Client.Find(handle.SagaId).Should().BeNull();
        process.Executor.Running.Should().Be(0);
    }

    [Fact]
    public async Task A_run_does_not_carry_the_context_of_its_caller()
    {
        var request = new AsyncLocal<string?> { Value = "a request" };
        string? seen = null;
        var saga = new TestSaga("apart", builder => builder.Node("only", _ =>
        {
            seen = request.Value;
            return Task.CompletedTask;
        }));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await handle.Completion.Soon();

        seen.Should().BeNull();
    }

    [Fact]
    public void An_idempotency_key_is_stable_and_its_own_for_each_saga_and_node()
    {
        var saga = SagaId.Parse("052247e0-853d-4d16-80e7-7c618d97edd8");

        Guid key = NodeContext<string>.CreateIdempotencyKey(saga, "charge", isUndo: false);

        key.Should().Be(NodeContext<string>.CreateIdempotencyKey(saga, "charge", isUndo: false));
        key.Should().NotBe(NodeContext<string>.CreateIdempotencyKey(saga, "ship", isUndo: false));
        key.Should().NotBe(NodeContext<string>.CreateIdempotencyKey(SagaId.Parse("052247e0-853d-4d16-80e7-7c618d97edd9"), "charge", isUndo: false));
        key.Version.Should().Be(8);
        key.ToString().Should().Be("facc6b59-9200-81f7-9554-fb2fa2fe59bf", "others keep it: a change would repeat effects");
    }
}
