using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Postgres;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>A process on tables that its package does not work on: every caller hears of it, and a repair needs no restart.</summary>
public sealed class RefusedSchemaTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>, IAsyncLifetime
{
    private static readonly OperatorNote Note = new("ann", "as the runbook says");

    private readonly TestSaga _saga = new("one", saga => saga.Node("only", _ => Task.CompletedTask));
    private readonly Guid _coordinator = Guid.NewGuid();
    private string _database = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await cluster.NewDatabaseAsync();
        await using PostgresHost first = await StartAsync();
        await first.ActivateAsync();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Every_caller_of_a_process_on_tables_that_are_too_new_gets_the_reason()
    {
        SagaId ended;
        await using (PostgresHost before = await StartAsync())
        {
            SagaHandle handle = await before.Client.StartAsync(_saga, "x");
            await handle.Completion.Soon();
            ended = handle.SagaId;
            await before.ExecuteAsync("insert into saga_recovery.schema_version (version, readable_since) values (12, 12)");
        }

        await using PostgresHost host = await StartAsync();
        Task<SagaHandle> waiting = host.Client.StartAsync(_saga, "x"); // perhaps before the first attempt to join
        await RefusedAsync(() => waiting);
        await RefusedAsync(() => host.Client.StartAsync(_saga, "x"));
        await RefusedAsync(() => host.Client.StartAsync(_saga, "x", new SagaStartOptions { Key = "k", Inject = new SagaInjections().FailAction("none") }));
        await RefusedAsync(() => host.Client.GetAsync(ended));
        await RefusedAsync(() => host.Client.WaitAsync(ended));
        await RefusedAsync(() => host.Client.CancelAsync(ended, "no longer needed"));
        await RefusedAsync(() => host.Operator.PauseAsync(Note));
        await RefusedAsync(() => host.Operator.HoldAsync(ended, Note));
        await RefusedAsync(() => host.Operator.ExplainAsync(ended));
        await RefusedAsync(() => host.Operator.DryRunAsync());
        (await host.ActivateAsync()).Should().Match<PassReport>(pass => pass.Result == PassResult.Failed && pass.Error!.Contains("Deploy a package"));
        (await host.Services.GetRequiredService<SagaDrain>().DrainAsync(Note, TimeSpan.Zero).WaitAsync(TimeSpan.FromSeconds(60))).Phase.Should().Be(DrainPhase.Unanswered);
    }

    [Fact]
    public async Task A_process_on_tables_that_are_too_new_works_without_a_restart_once_they_are_rolled_back()
    {
        await using (PostgresHost before = await StartAsync())
        {
            await before.ExecuteAsync("insert into saga_recovery.schema_version (version, readable_since) values (12, 12)");
        }

        await using PostgresHost host = await StartAsync();
        await RefusedAsync(() => host.Client.StartAsync(_saga, "x"));
        await host.ExecuteAsync("delete from saga_recovery.schema_version where version = 12");
        await host.ActivateAsync();

        SagaHandle handle = await host.Client.StartAsync(_saga, "x");
        (await host.Client.WaitAsync(handle.SagaId).Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    private static async Task RefusedAsync(Func<Task> call) =>
        (await FluentActions.Awaiting(() => call().WaitAsync(TimeSpan.FromSeconds(60))).Should().ThrowAsync<SchemaMismatchException>())
            .WithMessage("*they are at version 12*Deploy a package*");

    private Task<PostgresHost> StartAsync() => PostgresHost.StartAsync(_database, _coordinator, _saga);
}
