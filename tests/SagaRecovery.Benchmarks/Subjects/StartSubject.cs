using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery.Benchmarks.Data;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Successive sagas by <c>SagaClient</c>, beside running ones: from the announcement until the first action runs.</summary>
internal class StartSubject : Subject
{
    public const string SubjectName = "client";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        var gate = new Gate();
        gate.Open();
        var arrivals = new Arrivals(task.Sagas);
        IHost host = ChainHost.Create(source, task.Owner, atATime: task.Sagas + 1, gate, arrivals);
        await host.StartAsync();
        await arrivals.All;
        await WarmUp.RunAsync(rounds: 1, () => ChainHost.RunAsync(host, task.WarmUpSagas, atATime: 1));

        SagaClient client = host.Services.GetRequiredService<SagaClient>();
        ChainSaga chain = host.Services.GetRequiredService<ChainSaga>();
        List<double> seconds = [];
        meter.Begin();
        for (int i = 0; i < task.Repeats; i++)
        {
            (SagaHandle saga, long began) = await StartAsync(client, chain, source);
            await saga.Completion;
            seconds.Add(Stopwatch.GetElapsedTime(began, gate.EnteredAt).TotalSeconds);
        }

        meter.EndRepeated(rows: 1, seconds);
    }

    /// <summary>Starts a saga.</summary>
    /// <returns>Its handle, and the time stamp from which the start is measured.</returns>
    protected virtual async Task<(SagaHandle Saga, long Began)> StartAsync(SagaClient client, ChainSaga chain, NpgsqlDataSource source)
    {
        long began = Stopwatch.GetTimestamp();
        return (await client.StartAsync(chain, new InFlightParameters("")), began);
    }
}

/// <summary>The same in a transaction of the caller: from its commit until the first action runs.</summary>
internal sealed class TransactionStartSubject : StartSubject
{
    public new const string SubjectName = "client, in a transaction";

    public override string Name => SubjectName;

    protected override async Task<(SagaHandle Saga, long Began)> StartAsync(SagaClient client, ChainSaga chain, NpgsqlDataSource source)
    {
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
        SagaHandle saga = await client.StartAsync(chain, new InFlightParameters(""), transaction);
        long began = Stopwatch.GetTimestamp();
        await transaction.CommitAsync();
        return (saga, began);
    }
}
