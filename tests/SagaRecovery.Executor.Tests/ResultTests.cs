using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>Results that any process reads and awaits.</summary>
public sealed class ResultTests
{
    private readonly InMemorySagaStore _store = new();
    private readonly Gate _gate = new();

    [Fact]
    public async Task Another_process_reads_the_state_and_later_the_typed_output()
    {
        TestSaga saga = Answering();
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga]);
        await using TestProcess other = await OtherAsync();
        SagaHandle handle = await owner.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();

        SagaInfo running = (await other.Client.GetAsync(handle.SagaId))!;
        _gate.Open();
        await handle.Completion.Soon();
        SagaInfo ended = (await other.Client.GetAsync(handle.SagaId))!;

        running.Should().BeEquivalentTo(new { Id = handle.SagaId, Name = "answering", Version = 1, State = SagaState.Running, Result = (SagaResult?)null });
        ended.State.Should().Be(SagaState.Succeeded);
        ended.Result.Should().BeOfType<SagaResult.Succeeded>().Which.Output<int>("answer").Should().Be(42);
        (await other.Client.GetAsync(SagaId.NewAt(DateTimeOffset.UnixEpoch))).Should().BeNull();
    }

    [Fact]
    public async Task Waiters_of_another_process_get_the_result_and_share_one_query()
    {
        TestSaga saga = Answering();
        var reader = new CountingReader(_store);
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga]);
        await using TestProcess other = await OtherAsync(reader);
        SagaHandle handle = await owner.Client.StartAsync(saga, "");

        Task<SagaResult>[] waits = [.. Enumerable.Range(0, 100).Select(_ => other.Client.WaitAsync(handle.SagaId))];
        await reader.QueriesAsync(3);
        waits.Should().OnlyContain(wait => !wait.IsCompleted);
        _gate.Open();

        (await Task.WhenAll(waits).Soon()).Should().AllSatisfy(result =>
            result.Should().BeOfType<SagaResult.Succeeded>().Which.Output<int>("answer").Should().Be(42));
        reader.Largest.Should().Be(1, "all ask for one saga");
        reader.Reads.Should().Be(1);
    }

    [Fact]
    public async Task Without_a_waiter_there_is_no_query()
    {
        TestSaga saga = Answering();
        var time = new FakeTimeProvider();
        var reader = new CountingReader(_store);
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga]);
        await using TestProcess other = await OtherAsync(reader, time);
        SagaHandle handle = await owner.Client.StartAsync(saga, "");
        using var impatient = new CancellationTokenSource();
        Task<SagaResult> wait = other.Client.WaitAsync(handle.SagaId, impatient.Token);
        await reader.QueriesAsync(1);

        await impatient.CancelAsync();
        await wait.Invoking(gone => gone).Should().ThrowAsync<OperationCanceledException>();
        time.Advance(TimeSpan.FromSeconds(1));
        int queries = reader.Queries;
        time.Advance(TimeSpan.FromSeconds(1));

        reader.Queries.Should().Be(queries).And.BeLessThanOrEqualTo(2);
        _gate.Open();
        await handle.Completion.Soon();
    }

    [Fact]
    public async Task A_wait_in_the_process_that_runs_the_saga_needs_no_query()
    {
        TestSaga saga = Answering();
        var reader = new CountingReader(_store);
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga], reader: reader);
        SagaHandle handle = await owner.Client.StartAsync(saga, "");
        Task<SagaResult> wait = owner.Client.WaitAsync(handle.SagaId);

        _gate.Open();

        (await wait.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        reader.Queries.Should().Be(0);
    }

    [Fact]
    public async Task A_wait_that_began_before_the_run_in_its_process_ends_with_the_run()
    {
        TestSaga saga = Answering();
        var reader = new CountingReader(_store);
        await using TestProcess first = await TestProcess.StartAsync(_store, [saga], me: TestProcess.Other);
        SagaId id = (await first.Client.StartAsync(saga, "")).SagaId;
        await _gate.ArrivalAsync();
        await using TestProcess second = await TestProcess.StartAsync(_store, [saga], time: new FakeTimeProvider(), reader: reader);
        Task<SagaResult> wait = second.Client.WaitAsync(id);
        await reader.QueriesAsync(1);
        _store.Reassign(id, TestProcess.Me);
        await second.ResumeAsync(id);
        await _gate.ArrivalAsync();

        _gate.Open();

        (await wait.Soon()).Should().BeOfType<SagaResult.Succeeded>("no time passes on the clock of the process");
    }

    [Fact]
    public async Task A_wait_outlasts_the_process_that_ran_the_saga()
    {
        TestSaga saga = Answering();
        SagaId id;
        Task<SagaResult> wait;
        await using TestProcess waiting = await OtherAsync();
        await using (TestProcess first = await TestProcess.StartAsync(_store, [saga]))
        {
            id = (await first.Client.StartAsync(saga, "")).SagaId;
            wait = waiting.Client.WaitAsync(id);
            await _gate.ArrivalAsync();
        }

        await using TestProcess second = await TestProcess.StartAsync(_store, [saga]);
        await second.ResumeAsync(id);
        wait.IsCompleted.Should().BeFalse();
        _gate.Open();

        (await wait.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_wait_for_a_saga_that_does_not_exist_throws()
    {
        await using TestProcess process = await OtherAsync();

        Func<Task> wait = () => process.Client.WaitAsync(SagaId.NewAt(DateTimeOffset.UnixEpoch)).Soon();

        await wait.Should().ThrowAsync<KeyNotFoundException>();
    }

    [Fact]
    public async Task A_wait_continues_while_the_store_does_not_answer()
    {
        TestSaga saga = Answering();
        var reader = new CountingReader(_store) { Failure = new NpgsqlException("broken", new IOException()) };
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga]);
        await using TestProcess other = await OtherAsync(reader);
        SagaHandle handle = await owner.Client.StartAsync(saga, "");
        _gate.Open();
        await handle.Completion.Soon();

        Task<SagaResult> wait = other.Client.WaitAsync(handle.SagaId);
        await reader.QueriesAsync(2);
        reader.Failure = null;

        (await wait.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        other.Lines.Count(123).Should().Be(1);
    }

    [Fact]
    public async Task A_wait_for_a_saga_that_cannot_be_read_throws_and_others_continue()
    {
        (SagaId bad, SagaId good) = await RunTwoAsync();
        var reader = new CountingReader(_store);
        await using TestProcess other = await OtherAsync(reader);
        reader.Unreadable = bad;

        Task<SagaResult> failing = other.Client.WaitAsync(bad);
        Task<SagaResult> succeeding = other.Client.WaitAsync(good);

        await failing.Soon().Invoking(wait => wait).Should().ThrowAsync<InvalidDataException>();
        (await succeeding.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_saga_that_takes_long_to_read_delays_no_other_result()
    {
        (SagaId slow, SagaId quick) = await RunTwoAsync();
        var reader = new CountingReader(_store);
        await using TestProcess other = await OtherAsync(reader);
        reader.TimesOut = slow;

        Task<SagaResult> waiting = other.Client.WaitAsync(slow);
        (await other.Client.WaitAsync(quick).Soon()).Should().BeOfType<SagaResult.Succeeded>();

        waiting.IsCompleted.Should().BeFalse("it is read again");
        reader.TimesOut = null;
        (await waiting.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_shutdown_ends_the_waits()
    {
        TestSaga saga = Answering();
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga]);
        TestProcess other = await OtherAsync();
        SagaHandle handle = await owner.Client.StartAsync(saga, "");
        Task<SagaResult> wait = other.Client.WaitAsync(handle.SagaId);

        await other.DisposeAsync();

        await wait.Soon().Invoking(gone => gone).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task A_step_that_waits_for_another_saga_lends_its_slot()
    {
        TestSaga child = Answering();
        TestProcess process = null!;
        var parent = new TestSaga("parent", builder => builder.Node("wait", async context =>
        {
            SagaHandle started = await process.Client.StartAsync(child, "", new SagaStartOptions { Key = context.IdempotencyKey.ToString() });
            SagaResult result = await process.Client.WaitAsync(started.SagaId, context.CancellationToken);
            return ((SagaResult.Succeeded)result).Output<int>("answer");
        }));
        process = await TestProcess.StartAsync(_store, [parent, child], configure: options => options.MaxRunningSagas = 1);
        _gate.Open();

        SagaHandle handle = await process.Client.StartAsync(parent, "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>().Which.Output<int>("wait").Should().Be(42);
        await process.DisposeAsync();
    }

    [Theory]
    [InlineData(SagaState.Unwound, "Unwound { FailedNode = b, Error = broken: b is broken }")]
    [InlineData(SagaState.Stuck, "Stuck { Node = a, Error = sticky: a cannot be undone, FailedNode = b, FailedNodeError = broken: b is broken }")]
    public async Task The_result_in_the_store_is_that_of_the_run(SagaState state, string expected)
    {
        var saga = new DiamondSaga { Failing = "b", UndoFailing = state == SagaState.Stuck ? "a" : null };
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga]);
        await using TestProcess other = await OtherAsync();
        SagaHandle handle = await owner.Client.StartAsync(saga, "");
        SagaResult ran = await handle.Completion.Soon();

        SagaResult read = await other.Client.WaitAsync(handle.SagaId).Soon();

        ran.ToString().Should().Be(expected);
        read.Should().Be(ran);
        (await other.Client.GetAsync(handle.SagaId))!.State.Should().Be(state);
    }

    [Fact]
    public async Task The_result_of_a_cancelled_saga_names_the_request()
    {
        TestSaga saga = Answering();
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga]);
        await using TestProcess other = await OtherAsync();
        SagaHandle handle = await owner.Client.StartAsync(saga, "");
        await _gate.ArrivalAsync();

        await owner.Client.CancelAsync(handle.SagaId, "changed her mind", "ann");

        (await other.Client.WaitAsync(handle.SagaId).Soon()).Should().Be(new SagaResult.Cancelled("ann", "changed her mind"));
    }

    [Fact]
    public async Task The_result_of_an_abandoned_saga_names_the_reason()
    {
        TestSaga saga = Answering();
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await owner.Client.StartAsync(saga, "");
        Task<SagaResult> wait = owner.Client.WaitAsync(handle.SagaId);
        await _gate.ArrivalAsync();

        await _store.AbandonAsync(handle.SagaId, owner.Member.Of(AdoptGeneration.Initial), new Abandonment("operator", "beyond repair"), CancellationToken.None);
        _gate.Open();

        (await wait.Soon()).Should().Be(new SagaResult.Abandoned("operator", "beyond repair"));
    }

    /// <summary>Runs two sagas to their end in one process.</summary>
    private async Task<(SagaId First, SagaId Second)> RunTwoAsync()
    {
        TestSaga saga = Answering();
        _gate.Open();
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle[] handles = [await owner.Client.StartAsync(saga, ""), await owner.Client.StartAsync(saga, "")];
        await Task.WhenAll(handles.Select(handle => handle.Completion)).Soon();
        return (handles[0].SagaId, handles[1].SagaId);
    }

    private TestSaga Answering() => new("answering", builder => builder.Node("answer", async context =>
    {
        await _gate.PassAsync(context.CancellationToken);
        return 42;
    }));

    /// <summary>A process that has registered none of the definitions.</summary>
    private Task<TestProcess> OtherAsync(ISagaReader? reader = null, TimeProvider? time = null) => TestProcess.StartAsync(
        _store, [], time: time, reader: reader, me: TestProcess.Other, configure: options => options.ResultPollingInterval = TimeSpan.FromMilliseconds(1));

    /// <summary>A store whose queries are counted, and can fail.</summary>
    private sealed class CountingReader(ISagaReader store) : ISagaReader
    {
        private readonly ConcurrentDictionary<int, TaskCompletionSource> _reached = new();
        private int _queries;
        private int _reads;

        public int Queries => Volatile.Read(ref _queries);

        public int Reads => Volatile.Read(ref _reads);

        public int Largest { get; private set; }

        public Exception? Failure { get; set; }

        public SagaId? Unreadable { get; set; }

        public SagaId? TimesOut { get; set; }

        /// <summary>Waits for a number of queries in all.</summary>
        public Task QueriesAsync(int count) => _reached.GetOrAdd(count, _ => NewSignal()).Task.Soon();

        public Task<SavedSaga?> ReadAsync(SagaId sagaId, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _reads);
            if (sagaId == TimesOut)
            {
                throw new TimeoutException("no answer");
            }

            return sagaId == Unreadable ? throw new InvalidDataException("not readable") : store.ReadAsync(sagaId, cancellationToken);
        }

        public Task<IReadOnlyCollection<SagaId>> FindUnfinishedAsync(IReadOnlyCollection<SagaId> sagaIds, CancellationToken cancellationToken)
        {
            Largest = Math.Max(Largest, sagaIds.Count);
            _reached.GetOrAdd(Interlocked.Increment(ref _queries), _ => NewSignal()).TrySetResult();
            return Failure is null ? store.FindUnfinishedAsync(sagaIds, cancellationToken) : throw Failure;
        }

        private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
