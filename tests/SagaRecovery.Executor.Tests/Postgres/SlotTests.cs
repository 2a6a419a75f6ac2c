using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>More unfinished sagas than the durable executor takes, in a real database.</summary>
public sealed class SlotTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>, IAsyncLifetime
{
    private const int Sagas = 500;
    private const int Taken = 200; // those that wait in the executor: its slot has the saga that was started here

    private static readonly OperatorNote Note = new("ann", "bad release");

    private readonly Gate _gate = new();
    private readonly Guid _owner = Guid.NewGuid();
    private string _database = null!;

    public async ValueTask InitializeAsync() => _database = await cluster.NewDatabaseAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Sagas_that_wait_are_not_loaded_and_each_gets_its_turn()
    {
        await using PostgresHost host = await StartWithBacklogAsync();
        host.Status.Current.Should().Match<RecoveryReport>(report =>
            report.NotLoaded == Sagas - Taken && report.QueuedInExecutor == Taken && report.WaitingForSlot == Sagas && report.Totals.Recovered == Taken);
        SagaExplanation explanation = await host.Operator.ExplainAsync(await LastAsync(host));
        explanation.Verdict.Should().Be(SagaVerdict.WaitingForSlot);
        explanation.Reason.Should().Contain($"{Sagas - Taken} sagas of its definition wait").And.Contain("The limit is SagaRecovery:Executor:MaxRunningSagas = 1.");

        _gate.Open();
        await AllEndedAsync(host);

        host.Status.Current.Totals.Should().Match<RecoveryTotals>(totals => totals.Recovered == Sagas && totals.Passes < 5, "no pass is needed for it");
        host.Status.Current.SlotBacklog.Should().BeEmpty();
    }

    [Fact]
    public async Task A_saga_that_is_cancelled_while_it_waits_is_unwound_and_one_that_is_held_is_not_run_before_its_release()
    {
        await using PostgresHost host = await StartWithBacklogAsync();
        SagaId[] last = [.. (await IdsAsync(host)).TakeLast(2)];

        (await host.Operator.CancelAsync(last[0], Note)).Should().BeOfType<OperatorActionResult.Done>();
        (await host.Operator.HoldAsync(last[1], Note)).Should().BeOfType<OperatorActionResult.Done>();
        _gate.Open();
        await Eventually.HoldsAsync(async () => await UnfinishedAsync(host) == 1, "all but the held saga had ended");

        (await host.DescribeAsync(last[0])).Should().Be("unwound");
        (await host.DescribeAsync(last[1])).Should().Be("running");
        (await host.Operator.ReleaseAsync(last[1], Note)).Should().BeOfType<OperatorActionResult.Done>();
        await AllEndedAsync(host);
    }

    [Fact]
    public async Task A_drain_reassigns_the_sagas_that_wait_although_slots_become_free()
    {
        await using PostgresHost old = await StartWithBacklogAsync();
        await using PostgresHost next = await StartAsync(Guid.NewGuid());
        await next.ActivateAsync();
        await Eventually.HoldsAsync(
            async () => (await next.Services.GetRequiredService<ISagaOperations>().ListCoordinatorsAsync(CancellationToken.None))
                .Single(coordinator => coordinator.Id == next.Coordinator.Id).Definitions is { Count: > 0 },
            "the process has published its definitions");

        Task<DrainReport> drain = old.Services.GetRequiredService<SagaDrain>().DrainAsync(Note, TimeSpan.FromSeconds(30));
        _gate.Open(); // what the executor has accepted ends here

        (await drain.Soon()).Should().Match<DrainReport>(report => report.Phase == DrainPhase.Drained && report.Reassigned == Sagas - Taken);
        await AllEndedAsync(next);
        old.Status.Current.Totals.Recovered.Should().Be(Taken);
    }

    /// <summary>A process without sagas gets many: the copies of one that it has started.</summary>
    private async Task<PostgresHost> StartWithBacklogAsync()
    {
        PostgresHost host = await StartAsync(_owner);
        await host.Client.StartAsync(host.Saga("gated"), "");
        await _gate.ArrivalAsync();
        await host.ExecuteAsync(
            """
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator)
            select gen_random_uuid(), name, creator, definition_hash, params, state, current_coordinator
            from saga_recovery.saga, generate_series(1, @More)
            """,
            new { More = Sagas });
        (await host.ActivateAsync()).Should().Match<PassReport>(pass => pass.Found == Sagas + 1 && pass.Recovered + pass.WaitingForSlot == Sagas);
        return host;
    }

    private Task<PostgresHost> StartAsync(Guid coordinator) => PostgresHost.StartAsync(
        _database,
        coordinator,
        services => services.PostConfigure<DurableExecutorOptions>(options => options.MaxRunningSagas = 1),
        TestSaga.Gated(_gate));

    private static async Task<SagaId[]> IdsAsync(PostgresHost host)
    {
        await using NpgsqlConnection connection = await host.Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync();
        return [.. (await connection.QueryAsync<Guid>("select id from saga_recovery.saga order by id")).Select(id => new SagaId(id))];
    }

    private static async Task<SagaId> LastAsync(PostgresHost host) => (await IdsAsync(host))[^1];

    private static Task<long> UnfinishedAsync(PostgresHost host) =>
        host.ScalarAsync<long>("select count(*) from saga_recovery.saga where state in ('running', 'unwinding')");

    private static Task AllEndedAsync(PostgresHost host) => Eventually.HoldsAsync(async () => await UnfinishedAsync(host) == 0, "every saga had ended");
}
