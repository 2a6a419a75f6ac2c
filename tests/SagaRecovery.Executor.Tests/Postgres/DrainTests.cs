using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>A real process that is drained, and another that takes over its sagas.</summary>
public sealed class DrainTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>, IAsyncLifetime
{
    private static readonly OperatorNote Note = new("ann", "version 2");

    private readonly Gate _gate = new();
    private string _database = null!;

    public async ValueTask InitializeAsync() => _database = await cluster.NewDatabaseAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task It_is_drained_only_once_every_reassigned_saga_has_stopped_running_here()
    {
        await using PostgresHost old = await StartAsync();
        await using PostgresHost next = await StartAsync();
        await ReadyToTakeOverAsync(next);
        await old.Client.StartAsync(old.Saga("deaf"), "");
        await _gate.ArrivalAsync();

        Task<DrainReport> drain = DrainAsync(old);
        await _gate.ArrivalAsync(); // the other runs it, and this one's action ignores its cancellation
        await Eventually.HoldsAsync(() => old.Status.Current.Drain is { Reassigned: 1 }, "it was given away");

        old.Status.Current.Drain!.Phase.Should().Be(DrainPhase.Reassigning);
        _gate.Open();
        (await drain.Soon()).Should().Match<DrainReport>(report => report.Phase == DrainPhase.Drained && report.Reassigned == 1 && report.Left == 0);
    }

    [Fact]
    public async Task A_repeated_drain_reassigns_the_sagas_that_the_first_left()
    {
        await using PostgresHost old = await StartAsync();
        await old.Client.StartAsync(old.Saga("deaf"), "");
        await _gate.ArrivalAsync();
        (await DrainAsync(old).Soon()).Should().Match<DrainReport>(report => report.Phase == DrainPhase.Incomplete && report.Left == 1);

        await using PostgresHost next = await StartAsync();
        _ = OpenOnceReassignedAsync(old);
        await Eventually.HoldsAsync(
            async () => await DrainAsync(old).Soon() is { Phase: DrainPhase.Drained, Reassigned: 1, Left: 0 }, "a coordinator was there to take it");
    }

    [Fact]
    public async Task A_drain_without_an_answer_of_the_database_reports_it_and_can_be_repeated()
    {
        await using PostgresHost host = await StartAsync();
        await host.ActivateAsync();
        await host.ExecuteAsync("alter table saga_recovery.saga rename to saga_away");
        (await DrainAsync(host).Soon()).Phase.Should().Be(DrainPhase.Unanswered);
        host.Status.RenderText().Should().Contain("The database did not respond. Request the drain again.");

        await host.ExecuteAsync("alter table saga_recovery.saga_away rename to saga");
        await Eventually.HoldsAsync(async () => await DrainAsync(host).Soon() is { Phase: DrainPhase.Drained, Left: 0 }, "the database answered");
    }

    [Fact]
    public async Task A_drained_process_drains_once_more_when_the_database_is_set_back()
    {
        _gate.Open();
        await using PostgresHost old = await StartAsync();
        await using PostgresHost next = await StartAsync();
        await ReadyToTakeOverAsync(next);
        SagaHandle saga = await old.Client.StartAsync(old.Saga("deaf"), "");
        await saga.Completion.Soon();
        (await DrainAsync(old).Soon()).Phase.Should().Be(DrainPhase.Drained);

        await old.ExecuteAsync(
            """
            delete from saga_recovery.saga_node_event;
            update saga_recovery.saga set state = 'running';
            update saga_recovery.saga_coordinator set time_draining = null, server_start = 'epoch' where id = @Id;
            """,
            new { Id = old.Coordinator.Id.Value });

        ISagaCluster view = next.Services.GetRequiredService<ISagaCluster>();
        await Eventually.HoldsAsync(
            async () => (await view.ReadViewAsync(CancellationToken.None)).Coordinators.Single(one => one.Id == old.Coordinator.Id).State == CoordinatorState.Draining,
            "the drain was recorded again");
        await Eventually.HoldsAsync(async () => await next.DescribeAsync(saga.SagaId) == "succeeded", "what came back ended");
        await Eventually.HoldsAsync(() => old.Status.Current.Drain is { Phase: DrainPhase.Drained, Left: 0 }, "nothing was left");
    }

    [Fact]
    public async Task Its_own_pass_stops_the_reassigned_sagas_if_the_hint_is_lost()
    {
        await using PostgresHost old = await PostgresHost.StartOutOfTouchAsync(_database, Guid.NewGuid(), TestSaga.Gated(_gate));
        await using PostgresHost next = await PostgresHost.StartAsync(_database, Guid.NewGuid(), TestSaga.Gated(_gate));
        await ReadyToTakeOverAsync(next);
        await old.Client.StartAsync(old.Saga("gated"), "");
        await _gate.ArrivalAsync();

        (await DrainAsync(old).Soon()).Should().Match<DrainReport>(report => report.Phase == DrainPhase.Drained && report.Reassigned == 1);
    }

    /// <summary>The process has joined and published the definitions that it can run: nothing is reassigned to it before.</summary>
    private static async Task ReadyToTakeOverAsync(PostgresHost host)
    {
        await host.ActivateAsync();
        await Eventually.HoldsAsync(
            async () => (await host.Services.GetRequiredService<ISagaOperations>().ListCoordinatorsAsync(CancellationToken.None))
                .Single(coordinator => coordinator.Id == host.Coordinator.Id).Definitions is { Count: > 0 },
            "the process has published its definitions");
    }

    private static Task<DrainReport> DrainAsync(PostgresHost host) => host.Services.GetRequiredService<SagaDrain>().DrainAsync(Note, TimeSpan.Zero);

    private async Task OpenOnceReassignedAsync(PostgresHost host)
    {
        await Eventually.HoldsAsync(() => host.Status.Current.Drain is { Reassigned: 1 }, "it was given away");
        _gate.Open();
    }

    /// <summary>Its saga's only action ignores its cancellation.</summary>
    private Task<PostgresHost> StartAsync() => PostgresHost.StartAsync(
        _database, Guid.NewGuid(), new TestSaga("deaf", saga => saga.Node("only", _ => _gate.PassAsync(CancellationToken.None))));
}
