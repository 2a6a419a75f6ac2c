using Npgsql;
using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>Passes, and looks for owners, over a table with a history that no vacuum has cleaned up.</summary>
internal sealed class HistoryArea : Area
{
    private const int Running = 100;
    private const int Repeats = 50;

    private static readonly string[] Subjects = [PassSubject.SubjectName, OwnersSubject.SubjectName, ListingSubject.SubjectName];

    public override string Name => "history";

    public override string Description => "passes over 100 running sagas and a history, vacuumed and not";

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
        run.Judge(Goal.AtMost($"the same, of the vacuumed pass's time", measured[0].Median(Metric.Seconds) / vacuumed[0].Median(Metric.Seconds), 2, "x"));
        run.Judge(Goal.AtMost($"owners, beside {beside}, of the vacuumed time", measured[1].Median(Metric.Seconds) / vacuumed[1].Median(Metric.Seconds), 2, "x"));
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

    private Task<IReadOnlyList<Measurement>> MeasureAsync(BenchmarkRun run, string what, Dataset dataset, int finished) => run.MeasureAsync(
        Name, what, SubjectTask.On(dataset, Running) with { Repeats = Repeats, Finished = finished }, Subjects, ListingSubject.SubjectName, dataset.ForgetProcessesAsync);
}
