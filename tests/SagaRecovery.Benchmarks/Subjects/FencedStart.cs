using System.Diagnostics;
using Npgsql;
using SagaRecovery.Benchmarks.Data;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The commit of a start, with Npgsql alone: the saga, together with the start of its first node.</summary>
internal sealed class FencedStart : Subject
{
    public const string SubjectName = "raw fenced inserts";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        await using FencedWriter writer = await FencedWriter.OpenAsync(source, task.Owner);
        await WarmUp.RunAsync(rounds: 1, () => StartAsync(writer, task.WarmUpSagas));
        meter.Begin();
        meter.EndRepeated(rows: 1, await StartAsync(writer, task.Repeats));
    }

    private static async Task<IReadOnlyList<double>> StartAsync(FencedWriter writer, int sagas)
    {
        List<double> seconds = [];
        for (int i = 0; i < sagas; i++)
        {
            seconds.Add(await StartAsync(writer));
        }

        return seconds;
    }

    private static async Task<double> StartAsync(FencedWriter writer)
    {
        var saga = Guid.CreateVersion7();
        long began = Stopwatch.GetTimestamp();
        await writer.InsertSagaAsync(saga);
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        for (int step = 1; step <= ChainSaga.Nodes; step++)
        {
            await writer.WriteStepAsync([saga], step);
        }

        return seconds;
    }
}
