using System.Text;
using System.Text.Json.Nodes;
using SagaRecovery.Executor.Tests.Progress;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>A process that ends between any two events, and the next one that continues the saga.</summary>
public sealed class CrashTests
{
    private static readonly SagaId Id = SagaId.Parse("0190a000-0000-7000-8000-000000000001");

    public static TheoryData<string?> NoneOrAnyNode => [(string?)null, .. DiamondSaga.Nodes];

    [Theory]
    [MemberData(nameof(NoneOrAnyNode))]
    public async Task A_log_cut_after_any_event_is_continued_to_the_same_end_and_the_same_log(string? failing)
    {
        StoredSaga whole = await RunWithoutCrashAsync(failing);

        for (int kept = 0; kept <= whole.Events.Count; kept++)
        {
            SavedNodeEvent[] log = [.. whole.Events.Take(kept)];
            (DiamondSaga saga, StoredSaga resumed) = await ResumeAsync(log, failing, failsLast: true);

            resumed.State.Should().Be(whole.State, "cut after {0} events", kept);
            Text(resumed.Events).Should().Equal(Text(whole.Events), "cut after {0} events", kept);
            ShouldNotRunAgainWhatHadFinished(saga, log);
        }
    }

    [Theory]
    [MemberData(nameof(NoneOrAnyNode))]
    public async Task A_process_that_crashes_after_any_write_is_fenced_and_its_successor_reaches_the_same_end(string? failing)
    {
        StoredSaga whole = await RunWithoutCrashAsync(failing);

        for (int crashAfter = 1; ; crashAfter++)
        {
            var store = new InMemorySagaStore();
            var crashed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            int writes = 0;
            store.AfterWrite = _ => Interlocked.Increment(ref writes) != crashAfter ? Task.CompletedTask : Crash(crashed);
            DiamondSaga crashing = New(failing, failsLast: true);
            await using TestProcess first = await TestProcess.StartAsync(store, [crashing]);
            SagaHandle handle = await first.Client.StartAsync(crashing, "", new SagaStartOptions { Id = Id });
            if (await Task.WhenAny(handle.Completion, crashed.Task).Soon() == handle.Completion)
            {
                crashAfter.Should().BeGreaterThan(1, "else no crash was tried");
                return;
            }

            SavedNodeEvent[] log = [.. store.Get(Id).Events];
            DiamondSaga saga = New(failing, failsLast: true).Knowing(log);
            await using TestProcess second = await TestProcess.StartAsync(store, [saga]);
            if (store.Get(Id).State is SagaState.Running or SagaState.Unwinding)
            {
                await second.ResumeToEndAsync(Id);
            }

            store.Get(Id).State.Should().Be(whole.State, "crashed after write {0}", crashAfter);
            Text(store.Get(Id).Events).Should().Equal(Text(whole.Events), "crashed after write {0}", crashAfter);
            ShouldNotRunAgainWhatHadFinished(saga, log);
        }
    }

    [Theory]
    [MemberData(nameof(NoneOrAnyNode))]
    public async Task Every_log_that_any_interleaving_can_leave_is_continued(string? failing)
    {
        int failingId = Array.IndexOf(DiamondSaga.Nodes, failing);
        List<SavedNodeEvent[]> logs = LogExplorer.ReachableLogs(
            TestShapes.SevenNodes, mayFail: node => node == failingId, maySucceed: node => node != failingId, undosFail: false);

        foreach (SavedNodeEvent[] log in logs.Select(WithOutputs))
        {
            (DiamondSaga saga, StoredSaga resumed) = await ResumeAsync(log, failing, failsLast: false);

            resumed.State.Should().Be(failing is null ? SagaState.Succeeded : SagaState.Unwound, LogExplorer.Key(log));
            LogExplorer.Replay(TestShapes.SevenNodes, resumed.Events).End.Should().Be(resumed.State);
            ShouldNotRunAgainWhatHadFinished(saga, log);
        }

        logs.Count.Should().BeGreaterThanOrEqualTo(failing == "a" ? 3 : 30, "else this test walks nothing");
    }

    private static DiamondSaga New(string? failing, bool failsLast) => new() { Failing = failing, FailsLast = failsLast };

    private static async Task<StoredSaga> RunWithoutCrashAsync(string? failing)
    {
        (_, StoredSaga whole) = await ResumeAsync([], failing, failsLast: true);
        whole.State.Should().Be(failing is null ? SagaState.Succeeded : SagaState.Unwound);
        return whole;
    }

    private static async Task<(DiamondSaga Saga, StoredSaga Stored)> ResumeAsync(SavedNodeEvent[] log, string? failing, bool failsLast)
    {
        var store = new InMemorySagaStore();
        DiamondSaga saga = New(failing, failsLast).Knowing(log);
        await using TestProcess process = await TestProcess.StartAsync(store, [saga]);
        store.Put(new StoredSaga
        {
            Id = Id,
            Definition = process.SavedDefinitionOf(saga),
            Parameters = "\"\""u8.ToArray(),
            Owner = TestProcess.Me,
            State = log.Any(nodeEvent => nodeEvent.Type == NodeEventType.Failed) ? SagaState.Unwinding : SagaState.Running,
            Events = log,
        });
        await process.ResumeToEndAsync(Id);
        return (saga, store.Get(Id));
    }

    private static async Task Crash(TaskCompletionSource crashed)
    {
        crashed.SetResult();
        await Task.Delay(Timeout.Infinite);
    }

    private static void ShouldNotRunAgainWhatHadFinished(DiamondSaga saga, SavedNodeEvent[] log)
    {
        saga.Acted.Should().OnlyHaveUniqueItems();
        saga.Undone.Should().OnlyHaveUniqueItems();
        saga.Acted.Should().NotIntersectWith(NodesWith(NodeEventType.Succeeded, NodeEventType.Failed));
        saga.Undone.Should().NotIntersectWith(NodesWith(NodeEventType.UndoFinished));

        IEnumerable<string> NodesWith(params NodeEventType[] types) =>
            log.Where(nodeEvent => types.Contains(nodeEvent.Type)).Select(nodeEvent => DiamondSaga.Nodes[nodeEvent.NodeId]);
    }

    /// <summary>The outputs or errors of the nodes of the saga.</summary>
    private static SavedNodeEvent[] WithOutputs(SavedNodeEvent[] log) =>
    [
        .. log.Select(nodeEvent => nodeEvent.Type switch
        {
            NodeEventType.Succeeded => nodeEvent with
            {
                Data = Encoding.UTF8.GetBytes($"\"{DiamondSaga.Nodes[nodeEvent.NodeId]}(...)\""),
            },
            NodeEventType.Failed => nodeEvent with { Data = """{"code":"broken","message":"it is broken"}"""u8.ToArray() },
            _ => nodeEvent,
        }),
    ];

    private static string[] Text(IEnumerable<SavedNodeEvent> log) =>
    [
        .. log.OrderBy(nodeEvent => nodeEvent.NodeId).ThenBy(nodeEvent => nodeEvent.Type)
            .Select(nodeEvent => $"{nodeEvent.NodeId} {nodeEvent.Type} {DataOf(nodeEvent)}"),
    ];

    /// <summary>The data without the stack trace of an error: the runtime may lose the line of a frame once it has optimized its method.</summary>
    private static string DataOf(SavedNodeEvent nodeEvent)
    {
        if (nodeEvent.Type != NodeEventType.Failed)
        {
            return Encoding.UTF8.GetString(nodeEvent.Data.Span);
        }

        JsonObject error = JsonNode.Parse(nodeEvent.Data.Span)!.AsObject();
        string exception = error["exception"]!.GetValue<string>();
        error["exception"] = exception[..exception.IndexOf('\n', StringComparison.Ordinal)];
        return error.ToJsonString();
    }
}
