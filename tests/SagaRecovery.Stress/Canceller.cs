using System.Collections.Concurrent;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Stress;

/// <summary>An operator who cancels running sagas without end, each at a random moment of its life, beside the processes that run them.</summary>
internal sealed class Canceller : IAsyncDisposable
{
    /// <summary>Any saga that creates a project.</summary>
    public const string AnyMoment = "true";

    /// <summary>
    /// Those whose project exists. A process that is stopped and continued may send its last statement late. Then it must find nothing to add
    /// to: only the first action of these sagas can have an effect after everything was undone.
    /// </summary>
    public const string OnceTheProjectExists =
        "exists (select from saga_recovery.saga_node_event where saga_id = saga.id and node_id = 0 and event_type = 'succeeded')";

    private static readonly OperatorNote Note = new("stress", "cancelled at random");
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _stop = new();
    private readonly ServiceProvider _tool;
    private readonly NpgsqlDataSource _dataSource;
    private readonly string _where;
    private readonly Task _work;
    private readonly ConcurrentQueue<Guid> _cancelled = [];

    /// <param name="stage">The stage of the scenario. Its accounts expect unwound sagas from now on.</param>
    /// <param name="where">The sagas among which it chooses.</param>
    public Canceller(Stage stage, string where)
    {
        stage.SagasUnwind = true;
        _where = where;
        _dataSource = NpgsqlDataSource.Create(stage.Superuser);
        _tool = new ServiceCollection().AddSingleton(_dataSource).AddSingleton(TimeProvider.System).AddSagaOperations().BuildServiceProvider();
        _work = CancelAsync(stage, _tool.GetRequiredService<ISagaOperations>());
    }

    /// <summary>The sagas whose cancellation was answered with <see cref="OperatorActionResult.Done"/>.</summary>
    public IReadOnlyCollection<Guid> Cancelled => _cancelled;

    /// <summary>Cancels no more. Idempotent.</summary>
    public async Task EndAsync()
    {
        await _stop.CancelAsync();
        await _work;
    }

    /// <summary>Requires that every saga that it cancelled is unwound, once none is in progress.</summary>
    public async Task ReconcileAsync(StressRun run, Stage stage)
    {
        run.RequireNone(await stage.Ledger.NotUnwoundAsync(Cancelled));
        run.Require(Cancelled.Count > 0, "no saga was cancelled");
        run.Figures["cancelled"] = Cancelled.Count;
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _stop.Dispose();
        await _tool.DisposeAsync();
        await _dataSource.DisposeAsync();
    }

    private async Task CancelAsync(Stage stage, ISagaOperations operations)
    {
        await Eventually.HoldsAsync(() => stage.ScalarAsync<bool>("select to_regclass('saga_recovery.saga') is not null"), "a service had created the tables");
        while (!_stop.IsCancellationRequested)
        {
            await using (NpgsqlConnection connection = await _dataSource.OpenConnectionAsync(CancellationToken.None))
            {
                Guid? saga = await connection.ExecuteScalarAsync<Guid?>(
                    $"select id from saga_recovery.saga where name = 'project-create' and state = 'running' and {_where} order by random() limit 1");
                if (saga is { } id && await operations.CancelAsync(new SagaId(id), Note, CancellationToken.None) is OperatorActionResult.Done)
                {
                    _cancelled.Enqueue(id);
                }
            }

            await Task.Delay(Pause, CancellationToken.None);
        }
    }
}
