using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery.Benchmarks.Data;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Sagas whose nodes insert a row each, started so many at a time, until the last has ended.</summary>
/// <param name="name">The name of the subject.</param>
/// <param name="isTransactional">True for transactional nodes; false for ordinary ones, whose rows have the idempotency key.</param>
internal sealed class RowsSubject(string name, bool isTransactional) : Subject
{
    public const string Ordinary = "ordinary node";
    public const string Transactional = "transactional node";

    public override string Name => name;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        await using (NpgsqlCommand table = source.CreateCommand("create table if not exists made (id uuid primary key); truncate made"))
        {
            await table.ExecuteNonQueryAsync();
        }

        using IHost host = ServiceHost.Create(source, Guid.NewGuid(), recovery =>
        {
            recovery.AddDurableExecutor(options => options.MaxRunningSagas = task.AtATime);
            recovery.Services.AddSingleton(new Kind(isTransactional));
            recovery.AddSaga<RowsSaga>();
        });
        await host.StartAsync();
        await WarmUp.RunAsync(rounds: 1, () => RunAsync(host, task.WarmUpSagas, task.AtATime));
        meter.Begin();
        await RunAsync(host, task.Sagas, task.AtATime);
        meter.EndExecuted(task.Sagas);
        await host.StopAsync();
    }

    private static async Task RunAsync(IHost host, int sagas, int atATime)
    {
        SagaClient client = host.Services.GetRequiredService<SagaClient>();
        RowsSaga saga = host.Services.GetRequiredService<RowsSaga>();
        await Parallel.ForAsync(0, sagas, new ParallelOptions { MaxDegreeOfParallelism = atATime }, async (_, _) =>
        {
            SagaHandle handle = await client.StartAsync(saga, new InFlightParameters(""), cancellationToken: CancellationToken.None);
            SagaResult result = await handle.Completion;
            if (result is not SagaResult.Succeeded)
            {
                throw new InvalidOperationException($"The saga ended as {result}.");
            }
        });
    }

    private sealed record Kind(bool IsTransactional);

    /// <summary>As many nodes as <see cref="ChainSaga"/> has, one after the other.</summary>
    private sealed class RowsSaga(NpgsqlDataSource source, Kind kind) : Saga<InFlightParameters>
    {
        private const string Insert = "insert into made (id) values ($1)";

        public override string Name => kind.IsTransactional ? "rows-transactional" : "rows";

        protected override void Define(SagaBuilder<InFlightParameters> saga)
        {
            IReadOnlyList<SagaNode> after = [];
            for (int node = 0; node < ChainSaga.Nodes; node++)
            {
                after = [kind.IsTransactional
                    ? saga.TransactionalNode(
                        $"row-{node}", (_, transaction) => ExecuteAsync((NpgsqlConnection)transaction.Connection!, Insert, Guid.NewGuid()), after: after)
                    : saga.Node($"row-{node}", async context =>
                    {
                        await using NpgsqlConnection connection = await source.OpenConnectionAsync(context.CancellationToken);
                        await ExecuteAsync(connection, $"{Insert} on conflict do nothing", context.IdempotencyKey);
                    }, after: after)];
            }
        }

        private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, Guid id)
        {
            await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new NpgsqlParameter<Guid> { TypedValue = id } } };
            await command.ExecuteNonQueryAsync();
        }
    }
}
