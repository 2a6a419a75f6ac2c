using EmbeddedPostgres;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>Operator actions through a process that a newer one has fenced.</summary>
public sealed class FencedOperatorTests : IAsyncLifetime
{
    private static readonly OperatorNote Note = new("ann", "ticket 17");

    private readonly Guid _coordinator = Guid.NewGuid();
    private readonly Gate _gate = new();
    private ThrowawayCluster _cluster = null!;
    private string _database = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await ThrowawayCluster.StartAsync();
        _database = await _cluster.NewDatabaseAsync();
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task A_process_that_knows_of_its_fence_refuses_before_it_acts()
    {
        await using PostgresHost first = await PostgresHost.StartAsync(_database, _coordinator, TestSaga.Gated(_gate));
        SagaId saga = await StartSagaAsync(first);
        await using PostgresHost second = await PostgresHost.StartAsync(_database, _coordinator, TestSaga.Gated(_gate));
        await Eventually.HoldsAsync(() => first.Status.Current.Coordinator.Fenced is not null, "the first process was fenced");

        foreach (Func<Task> act in (Func<Task>[])
            [
                () => first.Operator.HoldAsync(saga, Note), () => first.Operator.CancelAsync(saga, Note), () => first.Operator.PauseAsync(Note),
                () => first.Operator.AbandonAsync(saga, OperatorActionCondition.None, Note), () => first.Operator.AcknowledgeAsync("unowned", Note),
            ])
        {
            await act.Should().ThrowAsync<CoordinatorFencedException>();
        }

        (await second.Operator.Store.FindAsync(saga, CancellationToken.None)).Should().Match<SagaDetails>(row => row.Hold == null && row.Cancellation == null);
        (await second.ScalarAsync<long>("select count(*) from saga_recovery.saga_operator_action")).Should().Be(0);
    }

    [Fact]
    public async Task A_process_that_does_not_know_of_its_fence_reports_what_it_has_done()
    {
        await using PostgresHost first = await PostgresHost.StartOutOfTouchAsync(_database, _coordinator, TestSaga.Gated(_gate));
        SagaId saga = await StartSagaAsync(first);
        await first.ExecuteAsync("update saga_recovery.saga_coordinator set token = gen_random_uuid(), incarnation = incarnation + 1");

        (await first.Operator.HoldAsync(saga, Note)).Should().BeOfType<OperatorActionResult.Done>();

        (await first.Operator.Store.FindAsync(saga, CancellationToken.None))!.Hold!.Note.Should().Be(Note);
    }

    private async Task<SagaId> StartSagaAsync(PostgresHost host)
    {
        SagaId saga = (await host.Client.StartAsync(host.Saga("gated"), "")).SagaId;
        await _gate.ArrivalAsync();
        return saga;
    }
}
