using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>One saga with many nodes, from start to end. Sizes are nodes; the report states how the cost grows with them.</summary>
internal sealed class ShapesArea : Area
{
    private static readonly string[] Subjects =
        [ShapedSubject.SideBySide, ShapedSubject.SideBySideUnwound, ShapedSubject.Chain, ShapedSubject.ChainUnwound];

    public override string Name => "shapes";

    public override string Description => "one saga with many nodes";

    public override async Task RunAsync(BenchmarkRun run)
    {
        List<Measurement> all = [];
        IReadOnlyList<int> sizes = run.Scope.SizesOr([100, 1_000, 5_000], [10, 20, 40]);
        foreach (int size in sizes)
        {
            Dataset dataset = await run.Server.EmptyAsync();
            SubjectTask task = SubjectTask.On(dataset, size) with { Repeats = run.Scope.IsShort ? 2 : 5 };
            all.AddRange(await run.MeasureAsync(
                Name, "one saga of so many nodes", task, Subjects, ShapedSubject.SideBySide, () => Task.CompletedTask, new TurnOrder(run.Scope.TurnsOr(3))));
        }

        foreach (string subject in Subjects)
        {
            double PerNode(int size) => all.Single(one => one.Size == size && one.Subject == subject).Median(Metric.Seconds) / size;

            run.Judge(Goal.AtMost($"{subject}, time for each of {sizes[^1]:N0} nodes, of that for each of {sizes[0]:N0}", PerNode(sizes[^1]) / PerNode(sizes[0]), 1.2, "x"));
        }
    }
}
