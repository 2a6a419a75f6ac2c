using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>The throughput of the durable executor, against a raw loop of the same commits. Sizes are sagas at a time.</summary>
internal sealed class ExecuteArea : Area
{
    private const int Crowd = 4_096;
    private const int MostWarmUps = 10_000;

    private static readonly string[] Subjects =
    [
        ExecutingSubject.SubjectName, FencedLoop.SubjectName, ServerExecutingSubject.SubjectName, StartingSubject.SubjectName,
    ];

    public override string Name => "execute";

    public override string Description => "completed sagas, so many at a time";

    public override async Task RunAsync(BenchmarkRun run)
    {
        foreach (int atATime in run.Scope.SizesOr([1, 16, 256, Crowd], [16]))
        {
            int sagas = run.Scope.IsShort ? 100 : SagasFor(atATime);
            Dataset dataset = await run.Server.EmptyAsync();
            SubjectTask task = SubjectTask.On(dataset, sagas) with { AtATime = atATime, WarmUpSagas = Math.Min(sagas, MostWarmUps) };
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name, "4 nodes, at a time", task, Subjects, FencedLoop.SubjectName, () => dataset.RefillWithChainsAsync(sagas, task.WarmUpSagas));
            if (atATime == Crowd)
            {
                double nodes = measured[0].Median(Metric.Nodes) / measured[0].Median(Metric.Seconds);
                run.Judge(Goal.AtLeast($"durable node completions a second, {atATime:N0} sagas at a time", nodes, 30_000, "1/s"));
                run.Judge(Goal.AtLeast($"speed of the executor, {atATime:N0} at a time, of the raw loop's", measured[0].SpeedOf(measured[1]), 0.5, "x"));
                run.Judge(Goal.AtLeast($"speed of the executor with server GC, {atATime:N0} at a time, of the raw loop's", measured[2].SpeedOf(measured[1]), 0.5, "x"));
            }
        }
    }

    /// <summary>Enough for a second or more.</summary>
    private static int SagasFor(int atATime) => atATime switch
    {
        < 10 => 500,
        < 100 => 4_000,
        < 1_000 => 20_000,
        _ => 40_000,
    };
}
