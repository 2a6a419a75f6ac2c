using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>Sagas that are cancelled or stopped from another process than the one that runs them.</summary>
public sealed class CancellationTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>, IAsyncLifetime
{
    private static readonly OperatorNote s_note = new("ann", "changed her mind");

    private readonly Guid _restarted = Guid.NewGuid();
    private readonly Gate _gate = new();
    private string _database = null!;

    public async ValueTask InitializeAsync() => _database = await cluster.NewDatabaseAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Its_owner_hears_of_the_request_and_the_handle_that_it_gave_out_tells_who_and_why()
    {
        await using PostgresHost owner = await StartAsync();
        await using PostgresHost other = await StartAsync();
        SagaHandle handle = await BeginAsync(owner);

        (await other.Client.CancelAsync(handle.SagaId, "changed her mind", "ann")).Should().Be(OperatorActionResult.Done.Instance);
        _gate.Open();

        (await handle.Completion.Soon()).Should().Be(new SagaResult.Cancelled("ann", "changed her mind"));
        (await owner.DescribeAsync(handle.SagaId)).Should().Contain("unwound");
        (await other.Operator.ExplainAsync(handle.SagaId)).Reason.Should().Be("It was cancelled (ann: changed her mind), and everything was undone.");
    }

    [Fact]
    public async Task A_request_that_nobody_heard_is_obeyed_by_the_next_process()
    {
        SagaId saga;
        await using (PostgresHost first = await StartAsync(_restarted))
        {
            saga = (await BeginAsync(first)).SagaId;
        }

        await using PostgresHost other = await StartAsync();
        (await other.Operator.CancelAsync(saga, s_note)).Should().Be(OperatorActionResult.Done.Instance);
        _gate.Open();

        await using PostgresHost second = await StartAsync(_restarted);
        await second.ActivateAsync();
        await Eventually.HoldsAsync(
            async () => (await other.Operator.ExplainAsync(saga)) is { Verdict: SagaVerdict.Finished } explained && explained.Reason.Contains("It was cancelled"),
            "the next process unwound it");
    }

    [Fact]
    public async Task A_run_is_stopped_from_elsewhere_and_resumed_after_the_release()
    {
        await using PostgresHost owner = await StartAsync();
        await using PostgresHost other = await StartAsync();
        SagaHandle handle = await BeginAsync(owner);

        (await other.Operator.SuspendAsync(handle.SagaId, s_note)).Should().Be(OperatorActionResult.Done.Instance);
        await Eventually.HoldsAsync(
            async () => (await owner.ActivateAsync()).Result == PassResult.Completed && owner.Status.Current.Held.Any(held => held.StopsRun), "the owner knows");
        _gate.Open();

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Be("an operator holds the saga");
        (await owner.ActivateAsync()).Held.Should().Be(1);
        (await other.Operator.ReleaseAsync(handle.SagaId, s_note)).Should().Be(OperatorActionResult.Done.Instance);
        await Eventually.HoldsAsync(
            async () => (await other.Operator.ExplainAsync(handle.SagaId)).Reason == "It has succeeded.", "it was resumed and succeeded");
    }

    private Task<PostgresHost> StartAsync(Guid? coordinator = null) => PostgresHost.StartAsync(
        _database,
        coordinator ?? Guid.NewGuid(),
        new TestSaga("two-steps", saga =>
        {
            SagaNode first = saga.Node("first", context => _gate.PassAsync(context.CancellationToken), undo: _ => Task.CompletedTask);
            saga.Node("second", _ => Task.CompletedTask, after: first);
        }));

    private async Task<SagaHandle> BeginAsync(PostgresHost host)
    {
        SagaHandle handle = await host.Client.StartAsync(host.Saga("two-steps"), "");
        await _gate.ArrivalAsync();
        return handle;
    }
}
