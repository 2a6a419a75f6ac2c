using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>
/// The cost of the fence for writers, and for the operations that wait for writers. Sizes are writers of one coordinator; of projects,
/// the number created.
/// </summary>
internal sealed class FenceArea : Area
{
    private const int Many = 16;

    /// <summary>Ten sagas for each of many writers: all change their owner when they are reassigned.</summary>
    private const int SagasWritten = 10 * Many;

    /// <summary>Rows of a write in the executor, when one saga moves from one node to the next.</summary>
    private const int RowsOfAStep = 2;

    /// <summary>Writers, rows per write, and the number of writes that take a few seconds.</summary>
    private static readonly (int Writers, int Rows, int Writes)[] Loads =
        [(1, 2, 4_000), (1, 500, 400), (2, 500, 600), (4, 20, 6_000), (Many, 2, 12_000)];

    private static readonly (int Writers, int Rows, int Writes)[] TinyLoads = [(2, 20, 40)];

    private static readonly string[] Fences = [FencedWrites.SubjectName, RowLockedWrites.SubjectName];

    public override string Name => "fence";

    public override string Description => "heartbeats, joins and reassignments beside writers, MultiXactIds, and what the fence costs a write";

    public override async Task RunAsync(BenchmarkRun run)
    {
        await MeasureHeartbeatsAsync(run);
        await MeasureTakingAsync(run, JoinSubject.SubjectName);
        await MeasureTakingAsync(run, ReassignSubject.SubjectName);
        await CountMultiXactIdsAsync(run);
        await MeasureWritesAsync(run);
    }

    private async Task MeasureHeartbeatsAsync(BenchmarkRun run)
    {
        foreach (int writers in run.Scope.IsShort ? [4] : (int[])[0, 1, 4, Many])
        {
            Measurement measured = await MeasureBesideAsync(run, HeartbeatSubject.SubjectName, writers, run.Scope.IsShort ? 20 : 1_000);
            if (writers >= 4)
            {
                run.Judge(Goal.AtMost(
                    $"heartbeat beside {writers} writers, p99", measured.Median(Metric.NinetyNinthSeconds) * 1e3, 100, "ms"));
            }
        }
    }

    private async Task MeasureTakingAsync(BenchmarkRun run, string subject)
    {
        foreach (int writers in run.Scope.IsShort ? [4] : (int[])[0, Many])
        {
            Measurement measured = await MeasureBesideAsync(run, subject, writers, run.Scope.IsShort ? 3 : 100);
            if (writers > 0)
            {
                run.Judge(Goal.AtMost($"{subject} beside {writers} writers, the slowest of all", measured[Metric.SlowestSeconds]!.Value.Max * 1e3, 250, "ms"));
            }
        }
    }

    private async Task<Measurement> MeasureBesideAsync(BenchmarkRun run, string subject, int writers, int repeats)
    {
        Dataset dataset = await run.Server.EmptyAsync();
        string what = $"{subject}, beside writers";
        SubjectTask task = SubjectTask.On(dataset, SagasWritten) with { Writers = writers, RowsEach = RowsOfAStep, Repeats = repeats };
        IReadOnlyList<Measurement> measured = await run.MeasureAsync(
            Name, what, task, [subject], reference: null, () => dataset.RefillWithChainsAsync(SagasWritten, warmUps: 0));
        (string Metric, string Which)[] parts =
            [(Metric.NinetiethSeconds, "p90"), (Metric.NinetyNinthSeconds, "p99"), (Metric.SlowestSeconds, "slowest")];
        run.Add(parts.Select(part => measured[0].Of(part.Metric, $"{what}: {part.Which}")));
        return measured[0];
    }

    private async Task CountMultiXactIdsAsync(BenchmarkRun run)
    {
        var once = new TurnOrder(run.Scope.TurnsOr(1)); // a count, not a time
        foreach (int projects in run.Scope.SizesOr([10_000], [40]))
        {
            Dataset dataset = await run.Server.EmptyAsync();
            IReadOnlyList<Measurement> measured = await MeasureProjectsAsync(dataset, ProjectsSubject.SubjectName, projects);
            run.Judge(Goal.AtMost($"MultiXactIds for {projects:N0} projects", measured[0][Metric.MultiXactIds]!.Value.Max, 0, ""));

            Dataset before = await run.Server.EmptyWithForeignKeyAsync();
            await MeasureProjectsAsync(before, RowLockProjectsSubject.SubjectName, Math.Max(20, projects / 10));
        }

        Task<IReadOnlyList<Measurement>> MeasureProjectsAsync(Dataset dataset, string subject, int projects) => run.MeasureAsync(
            Name,
            "projects created",
            SubjectTask.On(dataset, projects),
            [subject],
            reference: null,
            () => dataset.ClearAsync(ProjectLog.Definition),
            once);
    }

    private async Task MeasureWritesAsync(BenchmarkRun run)
    {
        Dataset dataset = await run.Server.EmptyAsync();
        foreach ((int writers, int rows, int writes) in run.Scope.IsShort ? TinyLoads : Loads)
        {
            int sagas = Math.Max(SagasWritten, 4 * writers * rows);
            SubjectTask task = SubjectTask.On(dataset, sagas) with { Writers = writers, RowsEach = rows, Repeats = writes };
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name,
                $"writes of {rows} rows, by so many writers",
                task,
                Fences,
                RowLockedWrites.SubjectName,
                () => dataset.RefillWithChainsAsync(sagas, warmUps: 0),
                new TurnOrder(run.Scope.TurnsOr(5), Alternates: true));
            run.Judge(Goal.AtLeast(
                $"throughput behind the fence, of that behind the row lock: {writers} x {rows} rows", measured[0].PairedSpeedOf(measured[1]), 0.95, "x"));
        }
    }
}
