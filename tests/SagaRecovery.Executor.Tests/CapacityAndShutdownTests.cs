using System.Collections.Concurrent;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

public sealed class CapacityAndShutdownTests
{
    private readonly InMemorySagaStore _store = new();
    private readonly Gate _gate = new();

    [Fact]
    public async Task Runs_up_to_the_limit_are_concurrent_and_the_rest_begin_in_order_of_arrival()
    {
        ConcurrentQueue<string> begun = new();
        ConcurrentDictionary<string, Gate> gates = new();
        int inside = 0;
        int most = 0;
        var saga = new TestSaga("queued", builder => builder.Node("only", async context =>
        {
            begun.Enqueue(context.Parameters);
            most = Math.Max(most, Interlocked.Increment(ref inside));
            await gates[context.Parameters].PassAsync(context.CancellationToken);
            Interlocked.Decrement(ref inside);
        }));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], configure: options => options.MaxRunningSagas = 1);
        List<SagaHandle> handles = [];
        string[] names = [.. Enumerable.Range(0, 10).Select(number => $"saga {number}")];
        foreach (string name in names)
        {
            gates[name] = new Gate();
            handles.Add(await process.Client.StartAsync(saga, name));
        }

        await gates[names[0]].ArrivalAsync();
        process.Executor.Running.Should().Be(1);
        process.Executor.Waiting.Should().Be(9);
        process.Client.Find(handles[9].SagaId)!.Completion.Should().BeSameAs(handles[9].Completion);
        foreach (Gate gate in gates.Values)
        {
            gate.Open();
        }

        await Task.WhenAll(handles.Select(handle => handle.Completion)).Soon();

        begun.Should().Equal(names);
        most.Should().Be(1);
    }

    [Fact]
    public async Task A_definition_at_its_limit_does_not_keep_others_from_running()
    {
        TestSaga limited = TestSaga.Gated(_gate);
        var other = new TestSaga("other", saga => saga.Node("only", _ => Task.CompletedTask));
        await using TestProcess process = await TestProcess.StartAsync(
            _store,
            [limited, other],
            configure: options => (options.MaxRunningSagas, options.MaxRunningSagasByDefinition["gated"]) = (3, 1));
        SagaHandle[] gated = [await process.Client.StartAsync(limited, ""), await process.Client.StartAsync(limited, ""), await process.Client.StartAsync(limited, "")];
        await _gate.ArrivalAsync();

        for (int i = 0; i < 5; i++)
        {
            (await (await process.Client.StartAsync(other, "")).Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        }

        (process.Executor.Running, process.Executor.Waiting).Should().Be((1, 2));
        _gate.Open();
        await Task.WhenAll(gated.Select(handle => handle.Completion)).Soon();
    }

    [Fact]
    public async Task A_limit_for_a_definition_that_is_not_registered_is_refused()
    {
        Func<Task> start = async () => await TestProcess.StartAsync(
            _store, [TestSaga.Gated(_gate)], configure: options => options.MaxRunningSagasByDefinition["gatde"] = 1);

        await start.Should().ThrowAsync<Microsoft.Extensions.Options.OptionsValidationException>().WithMessage(
            "SagaRecovery:Executor:MaxRunningSagasByDefinition:gatde names no registered definition. Registered are: gated. Names are case-sensitive.");
    }

    [Fact]
    public async Task A_resume_beyond_the_limit_is_answered_at_once_and_waits_for_room()
    {
        TestSaga saga = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], configure: options => options.MaxRunningSagas = 2);
        SagaId[] ids = [.. Enumerable.Range(0, 5).Select(number => SagaId.NewAt(DateTimeOffset.UnixEpoch.AddSeconds(number)))];
        foreach (SagaId id in ids)
        {
            _store.Put(new StoredSaga
            {
                Id = id,
                Definition = process.SavedDefinitionOf(saga),
                Parameters = "\"\""u8.ToArray(),
                Owner = TestProcess.Me,
            });
            (await process.ResumeAsync(id)).Should().Be(ResumeOutcome.Resumed.Instance);
        }

        process.Executor.Running.Should().Be(2);
        process.Executor.Waiting.Should().Be(3);
        (await process.ResumeAsync(ids[4])).Should().Be(ResumeOutcome.AlreadyRunning.Instance, "one that waits counts as running");
        Task[] over = [.. ids.Select(id => process.Client.Find(id)!.Completion)];
        _gate.Open();
        await Task.WhenAll(over).Soon();
        _store.Sagas.Should().OnlyContain(stored => stored.State == SagaState.Succeeded);
    }

    [Fact]
    public async Task Shutdown_cancels_what_is_in_flight_and_its_node_stays_started()
    {
        TestSaga saga = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], configure: options => options.MaxRunningSagas = 1);
        SagaHandle running = await process.Client.StartAsync(saga, "");
        SagaHandle waiting = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();

        await process.StopAsync().Soon();

        var interrupted = new SagaResult.Interrupted("this process is shutting down");
        (await running.Completion.Soon()).Should().Be(interrupted);
        (await waiting.Completion.Soon()).Should().Be(interrupted);
        _store.Get(running.SagaId).Events.Select(nodeEvent => nodeEvent.Type).Should().Equal(NodeEventType.Started);
        _store.Get(running.SagaId).State.Should().Be(SagaState.Running);
        _store.Get(waiting.SagaId).Events.Should().BeEmpty();
        Func<Task> resume = () => process.ResumeAsync(running.SagaId);
        await resume.Should().ThrowAsync<InvalidOperationException>().WithMessage("*this process is shutting down*");
    }

    [Fact]
    public async Task Shutdown_begins_no_new_node_but_writes_the_result_of_a_running_action()
    {
        bool second = false;
        var saga = new TestSaga("finishing", builder =>
        {
            SagaNode first = builder.Node("first", _ => _gate.PassAsync(CancellationToken.None)); // ignores its cancellation
            builder.Node(
                "second",
                _ =>
                {
                    second = true;
                    return Task.CompletedTask;
                },
                after: first);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();

        Task stopping = process.StopAsync();
        stopping.IsCompleted.Should().BeFalse("the action is waited for");
        _gate.Open();
        await stopping.Soon();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        _store.Get(handle.SagaId).Events.Select(nodeEvent => nodeEvent.Type).Should().Equal(NodeEventType.Started, NodeEventType.Succeeded);
        second.Should().BeFalse();
    }

    [Fact]
    public async Task A_node_whose_start_is_being_written_as_shutdown_begins_does_not_run()
    {
        bool ran = false;
        TestSaga saga = TestSaga.Pair("two", _ =>
        {
            ran = true;
            return Task.CompletedTask;
        });
        var log = new ScriptedLog(_store) { BeforeAppend = _ => _gate.PassAsync() };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();

        Task stopping = process.StopAsync();
        _gate.Open();
        await stopping.Soon();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        ran.Should().BeFalse();
        _store.Get(handle.SagaId).Events.Select(nodeEvent => nodeEvent.Type).Should().Equal(NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.Started);
    }

    [Fact]
    public async Task Shutdown_ends_with_the_hosts_time_out_though_an_action_does_not()
    {
        var saga = new TestSaga("deaf", builder => builder.Node("only", _ => _gate.PassAsync(CancellationToken.None)));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();
        using var timeOut = new CancellationTokenSource();

        Task stopping = process.StopAsync(timeOut.Token);
        await timeOut.CancelAsync();
        await stopping.Soon();

        process.Lines.Count(112).Should().Be(1);
        _gate.Open();
        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        _store.Get(handle.SagaId).Events.Should().ContainSingle();
    }

    [Fact]
    public async Task A_start_whose_row_was_inserted_as_shutdown_began_is_interrupted_not_lost()
    {
        TestSaga saga = TestSaga.Gated(_gate);
        var inserted = new Gate();
        var log = new ScriptedLog(_store) { AfterCreate = _ => inserted.PassAsync() };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);
        Task<SagaHandle> starting = process.Client.StartAsync(saga, "");
        await inserted.ArrivalAsync();
        await process.StopAsync().Soon();

        inserted.Open();
        SagaHandle handle = await starting.Soon();

        (await handle.Completion.Soon()).Should().Be(new SagaResult.Interrupted("this process is shutting down"));
        _store.Get(handle.SagaId).State.Should().Be(SagaState.Running);
    }

    [Fact]
    public async Task A_start_after_shutdown_began_is_refused()
    {
        TestSaga saga = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        process.Starts.Close("shutting down");

        Func<Task> start = () => process.Client.StartAsync(saga, "");

        await start.Should().ThrowAsync<InvalidOperationException>().WithMessage("*shutting down*");
        _store.Sagas.Should().BeEmpty();
    }
}
