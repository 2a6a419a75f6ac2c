using System.Diagnostics;
using Npgsql;
using SagaRecovery.Fencing;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Successive heartbeats, beside writers of the same coordinator that append as fast as they can.</summary>
internal sealed class HeartbeatSubject : Subject
{
    public const string SubjectName = "heartbeat";

    /// <summary>With it every heartbeat is reported: see <see cref="Heartbeats.MeasureAsync"/>. Writes do not need it.</summary>
    private const string TakeOver = "update saga_recovery.saga_coordinator set time_taken_over = 'infinity' where id = $1";

    public override string Name => SubjectName;

    /// <summary>Has each heartbeat of a coordinator reported.</summary>
    public static async Task ReportEachAsync(ProcessStore store, Guid coordinator)
    {
        await using NpgsqlCommand command = store.Source.CreateCommand(TakeOver);
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = coordinator });
        await command.ExecuteNonQueryAsync();
    }

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using ProcessStore store = await ProcessStore.JoinAsync(task.ConnectionString, task.Owner);
        await ReportEachAsync(store, task.Owner);
        List<Guid> sagas = await PerSagaReader.ListAsync(store.Source, task.Owner);
        await using SaturatedWriters writers = await SaturatedWriters.StartAsync(
            store.Log, WriterEntries.Divide(sagas, task.Writers!.Value, task.RowsEach), store.Member.Of(AdoptGeneration.Initial));
        await using Heartbeats heartbeats = await Heartbeats.StartAsync(store, period: TimeSpan.Zero);
        await heartbeats.MeasureAsync(Math.Max(1, task.Repeats / 10)); // compiles

        long before = writers.Writes;
        meter.Begin();
        IReadOnlyList<double> seconds = await heartbeats.MeasureAsync(task.Repeats);
        double writesASecond = (writers.Writes - before) / Stopwatch.GetElapsedTime(meter.Began).TotalSeconds;
        meter.EndRepeated(rows: 0, seconds);
        meter.Note(Metric.WritesASecond, writesASecond);
    }
}
