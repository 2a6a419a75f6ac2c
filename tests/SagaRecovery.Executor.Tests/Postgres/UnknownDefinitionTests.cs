using EmbeddedPostgres;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>Ten thousand unfinished sagas whose definition this program lacks: the statements that Postgres receives for them.</summary>
public sealed class UnknownDefinitionTests : IAsyncLifetime
{
    private const int Sagas = 10_000;

    private readonly Guid _coordinator = Guid.NewGuid();
    private readonly WatchedTimeProvider _time = new();
    private ThrowawayCluster _cluster = null!;
    private string _database = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await ThrowawayCluster.StartAsync(new ClusterOptions
        {
            Settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["shared_preload_libraries"] = "pg_stat_statements" },
        });
        _database = await _cluster.NewDatabaseAsync();
        await using PostgresHost first = await PostgresHost.StartAsync(_database, _coordinator, TestSaga.Gated(new Gate()));
        await first.Client.StartAsync(first.Saga("gated"), "");
        await first.ExecuteAsync(
            $"""
            create extension pg_stat_statements;
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator)
            select gen_random_uuid(), name, creator, definition_hash, params, state, current_coordinator
            from saga_recovery.saga, generate_series(2, {Sagas});
            """);
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task One_saga_is_loaded_for_all_when_the_definition_is_due()
    {
        await using PostgresHost host = await StartAsync();
        await Eventually.HoldsAsync(() => host.Status.Current.Totals.Passes > 0, "the first pass has ended");

        (await SagasLoadedAsync(host)).Should().Be(1);
        await RunDuePassesAsync(host, untilFailures: 8);

        await Eventually.HoldsAsync(async () => await SagasLoadedAsync(host) == host.Status.Current.Waiting[0].Failures, "each try had loaded one saga");
        (await CallsAsync(host, "insert into saga_recovery.saga_in_flight")).Should().Be(0);
        host.Status.Current.LastPass.Should().Match<PassReport>(pass => pass.Found == Sagas && pass.UnknownDefinition == Sagas);
    }

    [Fact]
    public async Task Status_and_explanation_still_name_the_definition()
    {
        await using PostgresHost host = await StartAsync();
        (await host.ActivateAsync()).UnknownDefinition.Should().Be(Sagas);

        host.Status.Current.WaitingCount.Should().Be(Sagas);
        host.Status.RenderText().Should().Contain("definition 'gated' version 1");
        SagaId last = host.Status.Current.Waiting[^1].SagaId;
        SagaExplanation explanation = await host.Operator.ExplainAsync(last);
        explanation.Should().Match<SagaExplanation>(one => one.Verdict == SagaVerdict.UnknownDefinition && one.NextTry != null);
        explanation.Reason.Should().Contain("definition 'gated' version 1");
    }

    [Fact]
    public async Task A_program_with_the_definition_resumes_them_in_its_first_pass_or_lets_them_wait_for_a_slot()
    {
        await using (PostgresHost without = await StartAsync())
        {
            (await without.ActivateAsync()).UnknownDefinition.Should().Be(Sagas);
        }

        await using PostgresHost with = await PostgresHost.StartAsync(_database, _coordinator, options => options.LoadBatchSize = 500, TestSaga.Gated(new Gate()));
        await Eventually.HoldsAsync(() => with.Status.Current.Totals.Passes > 0, "the first pass has ended");

        with.Status.Current.Should().Match<RecoveryReport>(report => report.Totals.Recovered >= 1_000 && report.WaitingCount == 0, "that many may run at once");
        with.Status.Current.LastPass.Should().Match<PassReport>(pass =>
            pass.Found == Sagas && pass.UnknownDefinition == 0 && pass.Recovered + pass.Skipped + pass.WaitingForSlot == Sagas);
    }

    private static async Task<long> SagasLoadedAsync(PostgresHost host) => await host.ScalarAsync<long>(
        "select coalesce(sum(rows - calls), 0)::bigint from pg_stat_statements where query like '%cancel_reason from saga_recovery.saga%where id = any%'");

    private static async Task<long> CallsAsync(PostgresHost host, string statement) => await host.ScalarAsync<long>(
        $"select coalesce(sum(calls), 0)::bigint from pg_stat_statements where query like '%{statement}%'");

    private Task<PostgresHost> StartAsync() => PostgresHost.StartAsync(
        _database, _coordinator, services => services.AddSingleton<TimeProvider>(_time), new TestSaga("other", saga => saga.Node("only", _ => Task.CompletedTask)));

    /// <summary>Advances the clock each time to the next pass that the schedule asks for. A hint may cause further passes, which try nothing.</summary>
    /// <remarks>Other timers may have the same remaining time as that of the schedule, so one advance may come before the schedule has set its timer.</remarks>
    private Task RunDuePassesAsync(PostgresHost host, int untilFailures) => Eventually.HoldsAsync(
        () =>
        {
            WaitingSaga waiting = host.Status.Current.Waiting[0];
            TimeSpan due = waiting.NextTry!.Value - _time.GetUtcNow();
            TimeSpan delay = due < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : due;
            if (waiting.Failures < untilFailures && _time.Pending.Contains(delay))
            {
                _time.Advance(delay);
            }

            return waiting.Failures >= untilFailures;
        },
        $"{untilFailures} tries had failed",
        within: TimeSpan.FromMinutes(2));
}
