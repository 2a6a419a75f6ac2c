using SagaRecovery.Executor.Running;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

public sealed class WriterTests
{
    private readonly InMemorySagaStore _store = new();
    private readonly TestSaga _saga = new("one", builder => builder.Node("only", _ => Task.CompletedTask));

    [Fact]
    public async Task Entries_that_queue_during_a_write_share_the_next_one()
    {
        var gate = new Gate();
        var log = new ScriptedLog(_store) { BeforeAppend = _ => gate.PassAsync() };
        await using TestProcess process = await TestProcess.StartAsync(
            _store, [_saga], log, configure: options => options.MaxConcurrentWrites = 1);
        SagaHandle first = await process.Client.StartAsync(_saga, "");
        await gate.ArrivalAsync();
        List<SagaHandle> rest = [];
        for (int i = 0; i < 40; i++)
        {
            rest.Add(await process.Client.StartAsync(_saga, ""));
        }

        gate.Open();
        await Task.WhenAll([first.Completion, .. rest.Select(handle => handle.Completion)]).Soon();

        log.Groups.First().Should().ContainSingle();
        log.Groups.Should().Contain(group => group.Count > 1, "those that had queued were written together"); // how many had, the scheduler decides
        log.Groups.Sum(group => group.Count).Should().Be(41, "each saga ends in one write, and its start came with its row");
    }

    [Fact]
    public async Task The_first_steps_of_a_saga_begin_without_a_write_after_the_one_that_inserts_it()
    {
        var gate = new Gate();
        var log = new ScriptedLog(_store);
        TestSaga saga = new("roots", builder =>
        {
            SagaNode one = builder.Node("one", context => gate.PassAsync(context.CancellationToken));
            SagaNode two = builder.Node("two", context => gate.PassAsync(context.CancellationToken));
            builder.Node("last", _ => Task.CompletedTask, after: [one, two]);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log);

        SagaHandle handle = await process.Client.StartAsync(saga, "");
        _store.Get(handle.SagaId).Events.Select(one => (one.NodeId, one.Type)).Should().Equal((0, NodeEventType.Started), (1, NodeEventType.Started));
        await gate.ArrivalAsync();
        await gate.ArrivalAsync();

        log.Groups.Should().BeEmpty();
        gate.Open();
        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_saga_that_has_to_wait_for_a_slot_has_not_begun_in_its_log()
    {
        var gate = new Gate();
        TestSaga saga = TestSaga.Gated(gate);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], configure: options => options.MaxRunningSagas = 1);
        await process.Client.StartAsync(saga, "");
        await gate.ArrivalAsync();

        SagaHandle waiting = await process.Client.StartAsync(saga, "");

        _store.Get(waiting.SagaId).Events.Should().BeEmpty();
        gate.Open();
        (await waiting.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        _store.Get(waiting.SagaId).Events.Select(one => one.Type).Should().Equal(NodeEventType.Started, NodeEventType.Succeeded);
    }

    [Fact]
    public async Task A_group_holds_no_more_rows_than_it_may()
    {
        var gate = new Gate();
        var log = new ScriptedLog(_store) { BeforeAppend = _ => gate.PassAsync() };
        await using TestProcess process = await TestProcess.StartAsync(
            _store, [_saga], log, configure: options => (options.MaxConcurrentWrites, options.MaxWriteGroup) = (1, 5));
        List<SagaHandle> handles = [];
        for (int i = 0; i < 20; i++)
        {
            handles.Add(await process.Client.StartAsync(_saga, ""));
        }

        gate.Open();
        await Task.WhenAll(handles.Select(handle => handle.Completion)).Soon();

        log.Groups.Should().OnlyContain(group => group.Sum(entry => entry.Events.Count + (entry.NewState == null ? 0 : 1)) <= 5);
        log.Groups.Should().Contain(group => group.Count > 1);
    }

    [Fact]
    public async Task A_failed_write_is_repeated_with_growing_delays_until_the_store_is_back_and_is_logged_once()
    {
        int failures = 9;
        var time = new WatchedTimeProvider();
        var log = new ScriptedLog(_store)
        {
            BeforeAppend = _ => failures-- > 0 ? Task.FromException(new TimeoutException("away")) : Task.CompletedTask,
        };
        await using TestProcess process = await TestProcess.StartAsync(_store, [_saga], log, time);

        SagaHandle handle = await process.Client.StartAsync(_saga, "");
        List<double> delays = [];
        for (int i = 0; i < 9; i++)
        {
            delays.Add((await time.AdvanceToNextTimerAsync().Soon()).TotalMilliseconds);
        }

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        delays.Should().Equal(50, 100, 200, 400, 800, 1000, 1000, 1000, 1000);
        process.Lines.Count(109).Should().Be(1);
        process.Lines.Count(110).Should().Be(1);
        process.Lines.Text(110).Should().Contain("00:00:05.55");
    }

    [Fact]
    public async Task An_outage_whose_failed_write_was_cancelled_is_over_with_the_next_write_that_succeeds()
    {
        var lines = new LogLines();
        var retry = new StoreRetry(new WatchedTimeProvider(), new DurableExecutorOptions(), lines);
        using var stop = new CancellationTokenSource();
        Task<int> cancelled = retry.UntilAnsweredAsync<int>(() => throw new TimeoutException("away"), isAnswer: _ => false, stop.Token);
        await stop.CancelAsync();
        await FluentActions.Awaiting(() => cancelled.Soon()).Should().ThrowAsync<OperationCanceledException>();
        lines.Count(109).Should().Be(1);
        lines.Count(110).Should().Be(0, "a cancelled write shows nothing");

        await retry.UntilAnsweredAsync(() => Task.FromResult(1), isAnswer: _ => false, CancellationToken.None);
        await retry.UntilAnsweredAsync(() => Task.FromResult(1), isAnswer: _ => false, CancellationToken.None);

        lines.Count(110).Should().Be(1);
    }

    [Fact]
    public async Task A_write_whose_answer_was_lost_is_written_again_and_stands_once()
    {
        var time = new WatchedTimeProvider();
        int lost = 0;
        var log = new ScriptedLog(_store)
        {
            AfterAppend = _ => lost++ % 2 == 0 ? Task.FromException(new IOException("the connection broke")) : Task.CompletedTask,
        };
        TestSaga saga = TestSaga.Pair("two", _ => Task.CompletedTask);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga], log, time);

        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await time.AdvanceToNextTimerAsync().Soon();
        await time.AdvanceToNextTimerAsync().Soon();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>("even the lost answer to its last write is no loss");
        _store.Get(handle.SagaId).Events.Select(nodeEvent => nodeEvent.Type).Should()
            .Equal(NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.Started, NodeEventType.Succeeded);
        log.Groups.Should().HaveCount(4);
    }
}
