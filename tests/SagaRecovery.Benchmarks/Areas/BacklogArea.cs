using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>The recovery of many unfinished sagas by the durable executor, to their ends: memory, time to first user code, throughput.</summary>
internal sealed class BacklogArea : Area
{
    private const int Million = 1_000_000;

    public override string Name => "backlog";

    public override string Description => "recovers many unfinished sagas with the durable executor, to their ends";

    public override async Task RunAsync(BenchmarkRun run)
    {
        foreach (int size in run.Scope.SizesOr([100_000, Million], [500]))
        {
            Dataset dataset = await run.Server.EmptyAsync();
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name, "durable executor", SubjectTask.On(dataset, size), [BacklogSubject.SubjectName], reference: null, () => dataset.RefillWithBacklogAsync(size));
            Measurement ours = measured[0];
            run.Judge(Goal.AtMost($"peak memory above an idle process, recovering {size:N0}", (ours.Median(Metric.PeakBytes) - ours.Median(Metric.IdleBytes)) / 1e6, 400, "MB"));
            run.Judge(Goal.AtMost($"from the listing of {size:N0} to the first user code", ours.Median(Metric.FirstSeconds) - ours.Median(Metric.ListedSeconds), 1, "s"));
            run.Judge(Goal.AtLeast($"sagas a second, recovering {size:N0}", size / ours.Median(Metric.Seconds), 1, "1/s"));
        }
    }
}
