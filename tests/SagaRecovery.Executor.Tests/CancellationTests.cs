using Microsoft.Extensions.Time.Testing;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>Cancelled sagas, and deadlines.</summary>
public sealed class CancellationTests
{
    private static readonly SagaCancellation s_request = new(DateTimeOffset.UnixEpoch, new OperatorNote("ann", "changed her mind"));

    private readonly InMemorySagaStore _store = new();
    private readonly GatedChain _chain = new();

    [Fact]
    public async Task An_action_under_way_ends_and_is_undone_with_all_before_it()
    {
        TestSaga saga = _chain.CreateSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _chain.Gate.ArrivalAsync();

        OperatorActionResult answer = await process.Client.CancelAsync(handle.SagaId, "changed her mind", "ann");
        _chain.Gate.Open();

        answer.Should().Be(OperatorActionResult.Done.Instance);
        (await handle.Completion.Soon()).Should().Be(new SagaResult.Cancelled("ann", "changed her mind"));
        _chain.Calls.Should().Equal("first", "second", "undo second", "undo first");
        _store.Get(handle.SagaId).State.Should().Be(SagaState.Unwound);
        process.Lines.Text(118).Should().Contain("ann: changed her mind");
    }

    [Fact]
    public async Task An_action_without_an_undo_gets_its_token_and_does_not_run_again()
    {
        var saga = new TestSaga("waits", builder => builder.Node("wait", async context =>
        {
            _chain.Calls.Enqueue("wait");
            await _chain.Gate.PassAsync(context.CancellationToken);
        }));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _chain.Gate.ArrivalAsync();

        await process.Client.CancelAsync(handle.SagaId, "too late");

        (await handle.Completion.Soon()).Should().Be(new SagaResult.Cancelled("service", "too late"));
        _chain.Calls.Should().Equal("wait");
    }

    [Fact]
    public async Task An_action_that_is_retried_and_whose_undo_bears_uncertainty_is_interrupted_and_undone()
    {
        var patient = new NodePolicy { Action = new StepPolicy { Delay = TimeSpan.FromHours(1), MaxDelay = TimeSpan.FromHours(1) }, UndoAfterFailure = true };
        var saga = new TestSaga("retries", builder => builder.Node("call", patient, Fail(new TimeoutException("no answer")), _chain.Undo("call")));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await Eventually.HoldsAsync(() => process.Lines.Count(115) == 1, "the step waits for its next attempt");

        await process.Client.CancelAsync(handle.SagaId, "enough");

        (await handle.Completion.Soon()).Should().Be(new SagaResult.Cancelled("service", "enough"));
        _chain.Calls.Should().Equal("undo call");
        SagaErrors.Read(_store.Get(handle.SagaId).Events.Single(one => one.Type == NodeEventType.Failed).Data).Message
            .Should().Be("no answer", "the failure of the last attempt is the error, not the end of the wait");
    }

    [Fact]
    public async Task The_time_limit_of_the_last_attempt_is_the_error_if_a_cancellation_ends_the_wait_after_it()
    {
        var policy = new NodePolicy
        {
            Action = new StepPolicy { Delay = TimeSpan.FromHours(1), Timeout = TimeSpan.FromMilliseconds(10) },
            UndoAfterFailure = true,
        };
        var saga = new TestSaga("slow", builder => builder.Node(
            "call", policy, context => Task.Delay(Timeout.Infinite, context.CancellationToken), _chain.Undo("call")));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await Eventually.HoldsAsync(() => process.Lines.Count(115) == 1, "the step waits for its next attempt");

        await process.Client.CancelAsync(handle.SagaId, "enough");

        await handle.Completion.Soon();
        SagaErrors.Read(_store.Get(handle.SagaId).Events.Single(one => one.Type == NodeEventType.Failed).Data).Exception.Should().Contain("TimeoutRejectedException");
    }

    [Fact]
    public async Task A_success_that_races_with_the_request_is_refused_and_the_saga_unwinds()
    {
        TestSaga saga = _chain.CreateSaga();
        var log = new ScriptedLog(_store);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);
        log.BeforeAppend = entries =>
        {
            if (entries.Any(entry => entry.NewState is SagaState.Succeeded))
            {
                _store.Cancel(entries[0].SagaId, s_request).Should().BeTrue();
            }

            return Task.CompletedTask;
        };
        _chain.Gate.Open();
        SagaHandle handle = await process.Client.StartAsync(saga, "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        process.ReadInbox().Should().Contain(message => message.Kind == StartMessageKind.Ended);
        (await process.ResumeToEndAsync(handle.SagaId)).Should().Be(new SagaResult.Cancelled("ann", "changed her mind"));
        _chain.Calls.Should().Equal("first", "second", "third", "third", "undo third", "undo second", "undo first");
    }

    [Fact]
    public async Task A_saga_that_cannot_be_cancelled_any_more_stays_as_it_is()
    {
        TestSaga saga = _chain.CreateSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        _chain.Gate.Open();
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();

        (await process.Client.CancelAsync(handle.SagaId, "too late")).Should().BeOfType<OperatorActionResult.Superseded>();
        (await process.Client.CancelAsync(SagaId.NewAt(DateTimeOffset.UnixEpoch), "who?")).Should().Be(OperatorActionResult.NoSuchSaga.Instance);

        _store.Get(handle.SagaId).State.Should().Be(SagaState.Succeeded);
    }

    /// <summary>Its row is inserted and its run has not begun: a pass tells it.</summary>
    [Fact]
    public async Task A_request_that_no_run_hears_asks_for_a_pass()
    {
        TestSaga saga = _chain.CreateSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaId id = SagaId.NewAt(DateTimeOffset.UnixEpoch);
        _store.Put(new StoredSaga { Id = id, Definition = process.SavedDefinitionOf(saga), Parameters = "\"\""u8.ToArray(), Owner = TestProcess.Me });
        process.Wakeups.TakeRequests();

        (await process.Client.CancelAsync(id, "enough")).Should().Be(OperatorActionResult.Done.Instance);

        process.Wakeups.TakeRequests().Reason.Should().Be(PassReason.OperatorAction);
    }

    [Theory]
    [InlineData("", "reason")]
    [InlineData(" ", "reason")]
    public async Task A_cancellation_without_a_reason_is_refused(string reason, string parameter)
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [_chain.CreateSaga()]);

        await process.Client.Invoking(client => client.CancelAsync(SagaId.NewAt(DateTimeOffset.UnixEpoch), reason)).Should().ThrowAsync<ArgumentException>().WithParameterName(parameter);
    }

    [Fact]
    public async Task A_crash_at_any_event_forgets_no_cancellation()
    {
        TestSaga saga = _chain.CreateSaga();
        _chain.Gate.Open();
        StoredSaga whole;
        await using (TestProcess first = await TestProcess.StartAsync(_store, [saga]))
        {
            SagaHandle handle = await first.Client.StartAsync(saga, "");
            await handle.Completion.Soon();
            whole = _store.Get(handle.SagaId);
        }

        for (int events = 0; events < whole.Events.Count; events++)
        {
            _chain.Calls.Clear();
            var store = new InMemorySagaStore();
            await using TestProcess process = await TestProcess.StartAsync(store, [saga]);
            store.Put(whole with { State = SagaState.Running, Cancellation = s_request, Events = [.. whole.Events.Take(events)] });

            (await process.ResumeToEndAsync(whole.Id)).Should().Be(new SagaResult.Cancelled("ann", "changed her mind"), "after {0} events", events);

            StoredSaga stored = store.Get(whole.Id);
            stored.State.Should().Be(SagaState.Unwound);
            stored.Events.Where(one => one.Type == NodeEventType.UndoFinished).Should().HaveSameCount(
                stored.Events.Where(one => one.Type is NodeEventType.Succeeded), "after {0} events", events);
        }
    }

    [Fact]
    public async Task A_saga_that_has_not_finished_by_its_deadline_is_cancelled()
    {
        var time = new FakeTimeProvider();
        TestSaga saga = _chain.CreateSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], time: time);
        DateTimeOffset deadline = time.GetUtcNow() + TimeSpan.FromDays(60);
        SagaHandle handle = await process.Client.StartAsync(saga, "", new SagaStartOptions { Deadline = deadline });
        await _chain.Gate.ArrivalAsync();

        time.Advance(TimeSpan.FromDays(59));
        process.Lines.Count(118).Should().Be(0);
        time.Advance(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(1));
        _chain.Gate.Open();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Cancelled>().Which.By.Should().Be("deadline");
        _chain.Calls.Should().Equal("first", "second", "undo second", "undo first");
        _store.Get(handle.SagaId).Cancellation.Should().Be(SagaCancellation.AtDeadline(deadline));
    }

    [Theory]
    [InlineData(20, "Saga 'slow' version 1 was not started: its deadline is 20s away, and the time limit of node 'call' is longer (30s).*")]
    [InlineData(40, null)]
    [InlineData(-1, null)]
    public async Task A_deadline_that_is_nearer_than_the_time_limit_of_an_action_is_refused(int seconds, string? message)
    {
        var time = new FakeTimeProvider();
        var policy = new NodePolicy { Action = new StepPolicy { Timeout = TimeSpan.FromSeconds(30) } };
        var saga = new TestSaga("slow", builder => builder.Node("call", policy, _ => Task.CompletedTask));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], time: time);

        Func<Task> start = () => process.Client.StartAsync(saga, "", new SagaStartOptions { Deadline = time.GetUtcNow().AddSeconds(seconds) });

        if (message is null)
        {
            await start.Should().NotThrowAsync();
        }
        else
        {
            (await start.Should().ThrowAsync<ArgumentException>()).WithMessage(message);
            process.ReadInbox().Should().BeEmpty("nothing was announced");
        }
    }

    /// <summary>An operator ends an action that cannot end; that is not why the saga unwinds.</summary>
    [Fact]
    public async Task A_cancellation_by_the_deadline_outlives_an_injected_error()
    {
        var time = new FakeTimeProvider();
        TestSaga saga = _chain.CreateSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], time: time);
        SagaHandle handle = await process.Client.StartAsync(saga, "", new SagaStartOptions { Deadline = time.GetUtcNow() + TimeSpan.FromDays(1) });
        await _chain.Gate.ArrivalAsync();
        time.Advance(TimeSpan.FromDays(2));
        await Eventually.HoldsAsync(() => _store.Get(handle.SagaId).State == SagaState.Unwinding, "the saga is cancelled");

        await process.Executor.RelinquishAsync(handle.SagaId, AdoptGeneration.Initial, CancellationToken.None);
        _chain.Gate.Open();
        await handle.Completion.Soon();
        StoredSaga stored = _store.Get(handle.SagaId);
        var injected = new SavedNodeEvent(1, NodeEventType.Failed, """{"code":"injected","message":"ann: it hangs","byOperator":true}"""u8.ToArray());
        var changed = new InMemorySagaStore();
        await using TestProcess next = await TestProcess.StartAsync(changed, [saga], time: time);
        changed.Put(stored with { Generation = new AdoptGeneration(2), Events = [.. stored.Events.Where(one => one.NodeId == 0 || one.Type == NodeEventType.Started), injected] });

        (await next.ResumeToEndAsync(handle.SagaId)).Should().BeOfType<SagaResult.Cancelled>().Which.By.Should().Be("deadline");
    }

    [Theory]
    [InlineData(SagaState.Running, false)]
    [InlineData(SagaState.Unwinding, false)]
    [InlineData(SagaState.Unwinding, true)]
    public async Task A_deadline_holds_in_the_next_process(SagaState state, bool isBeingUndone)
    {
        TestSaga saga = _chain.CreateSaga();
        _chain.Gate.Open();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaId id = SagaId.NewAt(DateTimeOffset.UnixEpoch);
        _store.Put(new StoredSaga
        {
            Id = id,
            Definition = process.SavedDefinitionOf(saga),
            Parameters = "\"\""u8.ToArray(),
            Owner = TestProcess.Me,
            State = state,
            Deadline = DateTimeOffset.UnixEpoch,
            Cancellation = state == SagaState.Unwinding ? SagaCancellation.AtDeadline(DateTimeOffset.UnixEpoch) : null,
            Events =
            [
                new(0, NodeEventType.Started, default),
                new(0, NodeEventType.Succeeded, default),
                .. isBeingUndone ? new[] { new SavedNodeEvent(0, NodeEventType.UndoStarted, default) } : [],
            ],
        });

        (await process.ResumeToEndAsync(id)).Should().BeOfType<SagaResult.Cancelled>().Which.By.Should().Be("deadline");
        _chain.Calls.Should().Equal("undo first");
    }

    [Fact]
    public async Task A_saga_that_failed_before_its_deadline_was_not_cancelled_by_it()
    {
        var time = new FakeTimeProvider();
        var saga = new TestSaga("fails", builder =>
        {
            SagaNode first = builder.Node("first", _chain.Act("first"), undo: async context => await _chain.Gate.PassAsync(context.CancellationToken));
            builder.Node("second", Fail(new SagaActionException("no", "no")), after: first);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], time: time);
        SagaHandle handle = await process.Client.StartAsync(
            saga, "", new SagaStartOptions { Deadline = time.GetUtcNow() + TimeSpan.FromSeconds(10) });
        await _chain.Gate.ArrivalAsync();

        time.Advance(TimeSpan.FromSeconds(11));
        _chain.Gate.Open();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Unwound>().Which.Error.Code.Should().Be("no");
    }

    [Fact]
    public async Task A_cancelled_saga_whose_undo_fails_is_stuck_and_says_so()
    {
        var saga = new TestSaga("stuck", builder =>
        {
            SagaNode first = builder.Node("first", _chain.Act("first"), undo: Fail(new SagaActionException("gone", "it is gone")));
            builder.Node("second", context => _chain.Gate.PassAsync(context.CancellationToken), after: first);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await _chain.Gate.ArrivalAsync();

        await process.Client.CancelAsync(handle.SagaId, "enough");

        SagaResult.Stuck stuck = (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Stuck>().Subject;
        stuck.FailedNode.Should().BeNull();
        stuck.FailedNodeError.Code.Should().Be("cancelled");
    }

    [Fact]
    public async Task A_saga_that_waits_for_a_slot_is_unwound_without_a_step()
    {
        TestSaga saga = _chain.CreateSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], configure: options => options.MaxRunningSagas = 1);
        await process.Client.StartAsync(saga, "");
        await _chain.Gate.ArrivalAsync();
        SagaHandle waiting = await process.Client.StartAsync(saga, "");

        await process.Client.CancelAsync(waiting.SagaId, "enough");
        _chain.Gate.Open();

        (await waiting.Completion.Soon()).Should().BeOfType<SagaResult.Cancelled>();
        _store.Get(waiting.SagaId).Events.Should().BeEmpty();
    }

    private static Func<NodeContext<string>, Task> Fail(Exception failure) => _ => Task.FromException(failure);
}
