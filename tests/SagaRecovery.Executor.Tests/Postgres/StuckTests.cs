using System.Collections.Concurrent;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>The two ways out of a stuck saga, at real processes.</summary>
public sealed class StuckTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>, IAsyncLifetime
{
    private static readonly OperatorNote Note = new("ann", "as the runbook says");

    private readonly Guid _coordinator = Guid.NewGuid();
    private readonly ConcurrentQueue<string> _undone = new();
    private readonly ConcurrentDictionary<string, bool> _cannotBeUndone = new();
    private string _database = null!;

    public async ValueTask InitializeAsync() => _database = await cluster.NewDatabaseAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_retried_undo_unwinds_the_saga()
    {
        await using PostgresHost host = await StartAsync();
        SagaId saga = await GetStuckAsync(host, "left");
        (await host.Operator.ExplainAsync(saga)).Should().Match<SagaExplanation>(one => one.Verdict == SagaVerdict.Stuck && one.Reason.Contains("The undo of 'left' failed with closed: left is closed")
            && one.Advice.Contains($"sagas retry-undo {saga}.") && one.Advice.Contains($"sagas skip-undo {saga} left."));

        _cannotBeUndone.Clear();
        (await RetryAsync(host, saga)).Should().Be(OperatorActionResult.Done.Instance);

        await EndsAsync(host, saga, "unwound");
        _undone.Should().HaveCount(4).And.EndWith("root").And.Subject.Count(node => node == "left").Should().Be(2);
        host.Status.Current.RecentActions.Should().ContainSingle().Which.Note.Reason.Should().Be("as the runbook says (the undo of 'left' had failed: closed: left is closed)");
        ReasonOf(await RetryAsync(host, saga)).Should().Be("it is unwound, not stuck");
    }

    [Fact]
    public async Task A_retried_undo_that_fails_again_leaves_the_saga_stuck_and_retryable()
    {
        await using PostgresHost host = await StartAsync();
        SagaId saga = await GetStuckAsync(host, "left");

        (await RetryAsync(host, saga)).Should().Be(OperatorActionResult.Done.Instance);
        await Eventually.HoldsAsync(() => _undone.Count(node => node == "left") == 2, "the undo ran again");
        await EndsAsync(host, saga, "stuck");
        _cannotBeUndone.Clear();
        (await RetryAsync(host, saga)).Should().Be(OperatorActionResult.Done.Instance);

        await EndsAsync(host, saga, "unwound");
    }

    [Fact]
    public async Task A_skipped_undo_never_runs_again_and_the_rest_is_undone()
    {
        await using PostgresHost host = await StartAsync();
        SagaId saga = await GetStuckAsync(host, "left");

        (await SkipAsync(host, saga, "left")).Should().Be(OperatorActionResult.Done.Instance);

        await EndsAsync(host, saga, "unwound");
        _undone.Should().BeEquivalentTo(["left", "right", "root"]).And.EndWith("root");
    }

    [Fact]
    public async Task An_undo_that_is_retried_without_end_is_skipped()
    {
        var tried = new Gate();
        tried.Open();
        var saga = new TestSaga("refund", builder =>
        {
            SagaNode paid = builder.Node("pay", _ => Task.CompletedTask, undo: async _ =>
            {
                await tried.PassAsync();
                throw new IOException("the bank is closed for good");
            });
            builder.Node("ship", Task (_) => throw new SagaActionException("refused", "as always"), after: paid);
        });
        await using PostgresHost host = await PostgresHost.StartAsync(_database, _coordinator, saga);
        SagaId id = (await host.Client.StartAsync(saga, "")).SagaId;
        await tried.ArrivalAsync();
        await Eventually.HoldsAsync(
            async () => (await host.Operator.ExplainAsync(id)).Advice
                == $"If the undo of 'pay' cannot succeed, undo its effect manually and skip the undo: sagas skip-undo {id} pay.",
            "the explanation names the way out");
        ReasonOf(await SkipAsync(host, id, "ship")).Should().Be("the undo of node 'ship' has not failed and is not in flight");

        (await SkipAsync(host, id, "pay")).Should().Be(OperatorActionResult.Done.Instance);

        await EndsAsync(host, id, "unwound");
        (await host.Operator.ExplainAsync(id)).Reason.Should().Be(
            "The action of 'ship' failed with refused: as always, and everything else was undone. The undo of 'pay' was skipped: an operator had done it manually.");
    }

    [Fact]
    public async Task A_saga_with_two_failed_undos_is_stuck_until_both_are_dealt_with()
    {
        await using PostgresHost host = await StartAsync();
        SagaId saga = await GetStuckAsync(host, "left", "right");

        (await SkipAsync(host, saga, "left")).Should().Be(OperatorActionResult.Done.Instance);
        await Eventually.HoldsAsync(() => host.Status.Current.Totals.Recovered == 1, "it was resumed");
        await EndsAsync(host, saga, "stuck");
        (await host.Operator.ExplainAsync(saga)).Advice.Should().Contain($"skip-undo {saga} right").And.NotContain("left");
        (await SkipAsync(host, saga, "right")).Should().Be(OperatorActionResult.Done.Instance);

        await EndsAsync(host, saga, "unwound");
        _undone.Should().EndWith("root").And.HaveCount(3);
    }

    [Fact]
    public async Task An_action_in_another_process_reaches_the_owner()
    {
        await using PostgresHost owner = await StartAsync();
        SagaId saga = await GetStuckAsync(owner, "left");
        await using PostgresHost other = await PostgresHost.StartAsync(_database, Guid.NewGuid(), Transfer());

        _cannotBeUndone.Clear();
        (await RetryAsync(other, saga)).Should().Be(OperatorActionResult.Done.Instance);

        await EndsAsync(owner, saga, "unwound");
        await Eventually.HoldsAsync(() => owner.Status.Current.Totals.Recovered == 1, "its owner recovered it");
    }

    [Fact]
    public async Task A_saga_that_was_stuck_before_a_restart_is_unwound_after_it()
    {
        SagaId saga;
        await using (PostgresHost first = await StartAsync())
        {
            saga = await GetStuckAsync(first, "right");
        }

        await using PostgresHost second = await StartAsync();
        await second.ActivateAsync();
        (await SkipAsync(second, saga, "right")).Should().Be(OperatorActionResult.Done.Instance);

        await EndsAsync(second, saga, "unwound");
    }

    private Task<PostgresHost> StartAsync() => PostgresHost.StartAsync(_database, _coordinator, Transfer());

    /// <summary>Two parallel nodes after a root, and a last one that always fails.</summary>
    private TestSaga Transfer() => new("transfer", saga =>
    {
        SagaNode root = saga.Node("root", Succeed, Undo);
        SagaNode left = saga.Node("left", Succeed, Undo, root);
        SagaNode right = saga.Node("right", Succeed, Undo, root);
        saga.Node("last", Task (_) => throw new SagaActionException("refused", "as always"), after: [left, right]);
    });

    private static Task<string> Succeed(NodeContext<string> context) => Task.FromResult(context.NodeName);

    private Task Undo(NodeContext<string> context, string output)
    {
        _undone.Enqueue(context.NodeName);
        return _cannotBeUndone.ContainsKey(context.NodeName)
            ? Task.FromException(new SagaActionException("closed", $"{context.NodeName} is closed"))
            : Task.CompletedTask;
    }

    private async Task<SagaId> GetStuckAsync(PostgresHost host, params string[] nodes)
    {
        foreach (string node in nodes)
        {
            _cannotBeUndone[node] = true;
        }

        SagaHandle handle = await host.Client.StartAsync(host.Saga("transfer"), "");
        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Stuck>();
        return handle.SagaId;
    }

    private static Task<OperatorActionResult> RetryAsync(PostgresHost host, SagaId saga) => host.Operator.RetryUndoAsync(saga, OperatorActionCondition.None, Note);

    private static Task<OperatorActionResult> SkipAsync(PostgresHost host, SagaId saga, string node) =>
        host.Operator.SkipUndoAsync(saga, node, OperatorActionCondition.None, Note);

    private static string ReasonOf(OperatorActionResult result) => result.Should().BeOfType<OperatorActionResult.Superseded>().Which.Reason;

    private static Task EndsAsync(PostgresHost host, SagaId saga, string state) =>
        Eventually.HoldsAsync(async () => await host.DescribeAsync(saga) == state, $"the saga was {state}");
}
