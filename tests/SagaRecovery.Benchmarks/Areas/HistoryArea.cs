using Npgsql;
using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>Passes, looks for owners, heartbeats and reassignments over a table with a history that no vacuum has cleaned up.</summary>
internal sealed class HistoryArea : Area
{
    private const int Running = 100;
    private const int Repeats = 50;

    /// <summary>With a tenth as many for the warm-up, the number is even, so that all sagas return to their owner.</summary>
    private const int Reassignments = 20;

    private static readonly string[] Reading = [PassSubject.SubjectName, OwnersSubject.SubjectName, ListingSubject.SubjectName];
    private static readonly string[] Writing = [HeartbeatSubject.SubjectName, ReassignSubject.SubjectName];

    public override string Name => "history";

    public override string Description => "passes, heartbeats and reassignments of 100 running sagas with a history, vacuumed and not";

    public override async Task RunAsync(BenchmarkRun run)
    {
        foreach (int finished in run.Scope.SizesOr([3_000_000], [2_000]))
        {
            Dataset dataset = await run.Server.HistoryAsync(finished, Running);
            IReadOnlyList<Measurement> vacuumed = await MeasureAsync(run, "vacuumed", dataset, finished);

            int dead = finished / 6;
            run.Log($"ending {dead:N0} sagas without a vacuum");
            await dataset.RunAndEndAsync(dead);
            IReadOnlyList<Measurement> unvacuumed = await MeasureAsync(run, "and a sixth of it dead entries", dataset, finished);
            Judge(run, "dead entries", finished, unvacuumed, vacuumed, limit: 5);

            await dataset.SettleAsync();
            int hidden = finished * 4 / 30;
            run.Log($"ending {hidden:N0} sagas beside an old snapshot");
            await using (await HoldSnapshotAsync(dataset))
            {
                await dataset.RunAndEndAsync(hidden);
                IReadOnlyList<Measurement> beside = await MeasureAsync(run, "and 4/30 of it ended beside an old snapshot", dataset, finished);
                Judge(run, "an old snapshot", finished, beside, vacuumed, limit: 50);
            }
        }
    }

    private static void Judge(BenchmarkRun run, string beside, int finished, IReadOnlyList<Measurement> measured, IReadOnlyList<Measurement> vacuumed, double limit)
    {
        if (finished < 3_000_000)
        {
            return;
        }

        run.Judge(Goal.AtMost($"pass over {finished:N0} finished, beside {beside}", measured[0].Median(Metric.Seconds) * 1e3, limit, "ms"));
        foreach ((Measurement one, Measurement reference) in measured.Zip(vacuumed).Where(pair => pair.First.Subject != ListingSubject.SubjectName))
        {
            run.Judge(Goal.AtMost($"{one.Subject}, beside {beside}, of the vacuumed time", one.Median(Metric.Seconds) / reference.Median(Metric.Seconds), 2, "x"));
        }
    }

    /// <summary>Opens a transaction as a report does: it sees the table as it is now, for as long as it is open.</summary>
    private static async Task<NpgsqlConnection> HoldSnapshotAsync(Dataset dataset)
    {
        var connection = new NpgsqlConnection(dataset.ConnectionString);
        await connection.OpenAsync();
        await using var begin = new NpgsqlCommand("begin isolation level repeatable read; select from saga_recovery.saga_hold", connection);
        await begin.ExecuteNonQueryAsync();
        return connection;
    }

    private async Task<IReadOnlyList<Measurement>> MeasureAsync(BenchmarkRun run, string what, Dataset dataset, int finished)
    {
        SubjectTask task = SubjectTask.On(dataset, Running) with { Repeats = Repeats, Finished = finished };
        IReadOnlyList<Measurement> read = await run.MeasureAsync(Name, what, task, Reading, ListingSubject.SubjectName, dataset.ForgetProcessesAsync);
        IReadOnlyList<Measurement> written = await run.MeasureAsync(
            Name, what, task with { Repeats = Reassignments, Writers = 0, RowsEach = 1 }, Writing, reference: null, dataset.ForgetProcessesAsync);
        return [.. read, .. written];
    }
}
