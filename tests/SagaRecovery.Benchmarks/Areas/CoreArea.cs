using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>The pure bookkeeping: what the tracker holds.</summary>
internal sealed class CoreArea : Area
{
    public override string Name => "core";

    public override string Description => "the bookkeeping";

    public override async Task RunAsync(BenchmarkRun run)
    {
        foreach (int size in run.Scope.SizesOr([1_000, 100_000, 1_000_000], [1_000]))
        {
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name, "recover in the tracker", SubjectTask.Without(size), [TrackerSubject.SubjectName], reference: null, () => Task.CompletedTask);
            if (size == 1_000_000)
            {
                run.Judge(Goal.AtMost($"tracker, for each of {size:N0} sagas", measured[0].Median(Metric.HeldBytes) / size, 150, "B"));
            }
        }
    }
}
