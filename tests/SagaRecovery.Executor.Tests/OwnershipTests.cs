using System.Collections.Concurrent;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>One run to a saga, and none where the saga is no longer ours.</summary>
public sealed class OwnershipTests
{
    private readonly InMemorySagaStore _store = new();
    private readonly Gate _gate = new();

    [Fact]
    public async Task A_reassigned_saga_is_fenced_and_the_others_continue()
    {
        TestSaga saga = TestSaga.Gated(_gate);
        var log = new ScriptedLog(_store);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);
        SagaHandle lost = await process.Client.StartAsync(saga, "");
        SagaHandle kept = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();
        await _gate.ArrivalAsync();
        _store.Reassign(lost.SagaId, TestProcess.Other);

        _gate.Open();

        (await lost.Completion.Soon()).Should().Be(new SagaResult.Interrupted("this process no longer owns the saga at this generation"));
        (await kept.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        _store.Get(lost.SagaId).Events.Should().ContainSingle();
        log.Groups.SelectMany(group => group).Count(entry => entry.SagaId == lost.SagaId).Should().Be(1, "a refused write is not tried again");
        process.Lines.Count(106).Should().Be(1);
        process.ReadInbox().Should().NotContain(message => message.Kind == StartMessageKind.Interrupted);
    }

    [Fact]
    public async Task When_a_newer_process_has_joined_all_runs_stop_and_none_is_begun()
    {
        TestSaga saga = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], configure: options => options.MaxRunningSagas = 2);
        SagaHandle[] handles =
        [
            await process.Client.StartAsync(saga, ""),
            await process.Client.StartAsync(saga, ""),
            await process.Client.StartAsync(saga, "waits"),
        ];
        await _gate.ArrivalAsync();
        await _gate.ArrivalAsync();
        await using TestProcess newer = await TestProcess.StartAsync(_store, [saga]);

        Func<Task> start = () => process.Client.StartAsync(saga, "");
        await start.Should().ThrowAsync<CoordinatorFencedException>();

        foreach (SagaHandle handle in handles)
        {
            (await handle.Completion.Soon()).Should().Be(new SagaResult.Interrupted("a newer process has joined under this coordinator id"));
            _store.Get(handle.SagaId).State.Should().Be(SagaState.Running);
        }

        process.Coordinator.Status.Fenced.Should().NotBeNull();
        process.Executor.Running.Should().Be(0);
        process.Executor.Waiting.Should().Be(0);
        Func<Task> resume = () => process.ResumeAsync(handles[0].SagaId);
        await resume.Should().ThrowAsync<CoordinatorFencedException>();
    }

    [Fact]
    public async Task A_write_that_is_refused_as_fenced_fences_the_whole_process()
    {
        TestSaga saga = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle one = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();
        await using TestProcess newer = await TestProcess.StartAsync(_store, [saga]);

        _gate.Open();

        (await one.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        process.Coordinator.Fenced.IsCancellationRequested.Should().BeTrue();
        _store.Get(one.SagaId).Events.Should().ContainSingle("nothing was written");
        process.Lines.Count(106).Should().Be(0, "the fence is the process', not the saga's");
    }

    [Fact]
    public async Task A_saga_that_runs_is_not_resumed_at_the_same_or_an_older_generation()
    {
        TestSaga saga = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();
        SavedSaga saved = _store.Get(handle.SagaId).ToSavedSaga();

        ResumeOutcome same = await process.ResumeAsync(handle.SagaId);
        ResumeOutcome older = await process.Executor.ResumeAsync(saved, process.Member.Of(new AdoptGeneration(0)), CancellationToken.None);

        same.Should().Be(ResumeOutcome.AlreadyRunning.Instance);
        older.Should().Be(ResumeOutcome.AlreadyRunning.Instance);
        process.Executor.Running.Should().Be(1);
    }

    [Fact]
    public async Task A_newer_generation_replaces_the_run_once_the_old_one_has_stopped()
    {
        ConcurrentQueue<string> trace = new();
        var release = new Gate();
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int runs = 0;
        var saga = new TestSaga("stubborn", builder => builder.Node("only", async context =>
        {
            if (Interlocked.Increment(ref runs) == 1)
            {
                await using CancellationTokenRegistration registration = context.CancellationToken.Register(cancelled.SetResult);
                await release.PassAsync(CancellationToken.None); // ignores its cancellation
                trace.Enqueue("old run stopped");
                context.CancellationToken.ThrowIfCancellationRequested();
            }

            trace.Enqueue("new run");
        }));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle old = await process.Client.StartAsync(saga, "");
        await release.ArrivalAsync();
        _store.Reassign(old.SagaId, TestProcess.Other);
        _store.Reassign(old.SagaId, TestProcess.Me);

        (await process.ResumeAsync(old.SagaId)).Should().Be(ResumeOutcome.Resumed.Instance);
        SagaHandle replacement = process.Client.Find(old.SagaId)!;
        replacement.Should().NotBeSameAs(old);
        await cancelled.Task.Soon();
        release.Open();

        (await old.Completion.Soon()).Should().Be(new SagaResult.Interrupted("the saga was resumed at a newer generation"));
        (await replacement.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        trace.Should().Equal("old run stopped", "new run");
        _store.Get(old.SagaId).State.Should().Be(SagaState.Succeeded);
    }

    [Fact]
    public async Task A_start_that_is_slow_to_begin_attaches_to_the_run_that_was_resumed_meanwhile()
    {
        TestSaga saga = TestSaga.Gated(_gate);
        var inserted = new Gate();
        var log = new ScriptedLog(_store) { AfterCreate = _ => inserted.PassAsync() };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);
        Task<SagaHandle> starting = process.Client.StartAsync(saga, "");
        await inserted.ArrivalAsync();
        SagaId id = _store.Sagas.Single().Id;
        _store.Reassign(id, TestProcess.Other);
        _store.Reassign(id, TestProcess.Me);
        await process.ResumeAsync(id);
        await _gate.ArrivalAsync();

        inserted.Open();
        SagaHandle handle = await starting.Soon();

        handle.Completion.Should().BeSameAs(process.Client.Find(id)!.Completion);
        process.Executor.Running.Should().Be(1);
        _gate.Open();
        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_relinquished_run_stops_and_its_node_stays_started()
    {
        TestSaga saga = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();

        RelinquishOutcome older = await Relinquish(process, handle.SagaId, upTo: 0);
        RelinquishOutcome answer = await Relinquish(process, handle.SagaId, upTo: 1);

        older.Should().Be(RelinquishOutcome.NotRunning, "the run is newer than that");
        answer.Should().Be(RelinquishOutcome.Relinquished);
        (await handle.Completion.Soon()).Should().Be(new SagaResult.Interrupted("recovery relinquished the saga"));
        _store.Get(handle.SagaId).Events.Select(nodeEvent => nodeEvent.Type).Should().Equal(NodeEventType.Started);
        (await Relinquish(process, handle.SagaId, upTo: 1)).Should().Be(RelinquishOutcome.NotRunning);
    }

    [Fact]
    public async Task A_run_that_waits_for_capacity_is_relinquished_at_once()
    {
        TestSaga saga = TestSaga.Gated(_gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], configure: options => options.MaxRunningSagas = 1);
        await process.Client.StartAsync(saga, "");
        SagaHandle waiting = await process.Client.StartAsync(saga, "");

        (await Relinquish(process, waiting.SagaId, upTo: 1)).Should().Be(RelinquishOutcome.Relinquished);

        process.Executor.Waiting.Should().Be(0);
        (await waiting.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        process.Client.Find(waiting.SagaId).Should().BeNull();
    }

    [Fact]
    public async Task A_run_whose_last_write_is_under_way_is_not_relinquished()
    {
        var saga = new TestSaga("one", builder => builder.Node("only", _ => Task.CompletedTask));
        var log = new ScriptedLog(_store)
        {
            AfterAppend = entries => entries[0].NewState is null ? Task.CompletedTask : _gate.PassAsync(),
        };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();

        RelinquishOutcome answer = await Relinquish(process, handle.SagaId, upTo: 1);
        _gate.Open();

        answer.Should().Be(RelinquishOutcome.NotRunning, "it is finished, not reassigned");
        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_run_that_is_relinquished_while_the_store_is_away_does_not_wait_for_it()
    {
        TestSaga saga = TestSaga.Pair("two", _ => Task.CompletedTask);
        var log = new ScriptedLog(_store) { BeforeAppend = _ => _gate.PassAsync() };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();

        (await Relinquish(process, handle.SagaId, upTo: 1)).Should().Be(RelinquishOutcome.Relinquished);

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
    }

    [Fact]
    public async Task A_run_that_fails_by_itself_is_reported_once_it_is_over_and_can_be_resumed()
    {
        bool broken = true;
        var saga = new TestSaga("cyclic", builder => builder.Node("only", _ => Task.FromResult(broken ? new Knot() : null)));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>()
            .Which.Reason.Should().StartWith("the run failed: The output of node 'only' cannot be serialized to JSON");
        process.ReadInbox().Should().ContainSingle(message => message.Kind == StartMessageKind.Interrupted)
            .Which.Lease.SagaId.Should().Be(handle.SagaId);
        process.Client.Find(handle.SagaId).Should().BeNull();
        process.Lines.Count(107).Should().Be(1);
        broken = false;
        await process.ResumeToEndAsync(handle.SagaId);
        _store.Get(handle.SagaId).State.Should().Be(SagaState.Succeeded);
    }

    private static async Task<RelinquishOutcome> Relinquish(TestProcess process, SagaId id, long upTo) =>
        await process.Executor.RelinquishAsync(id, new AdoptGeneration(upTo), CancellationToken.None);

    private sealed class Knot
    {
        public Knot Self => this;
    }
}
