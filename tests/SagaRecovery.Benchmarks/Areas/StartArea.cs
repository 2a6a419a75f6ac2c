using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>The time until a requested pass, an announced saga, or one that was started in a transaction of its caller begins. Sizes are sagas that run meanwhile.</summary>
internal sealed class StartArea : Area
{
    public override string Name => "start";

    public override string Description => "trigger to pass, start to first action";

    public override async Task RunAsync(BenchmarkRun run)
    {
        foreach (int size in run.Scope.SizesOr([100, 1_000, 10_000], [200]))
        {
            Dataset dataset = await run.Server.InFlightAsync(size);
            SubjectTask trigger = SubjectTask.On(dataset, size) with { Repeats = run.Scope.IsShort ? 20 : 100 };
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name, "trigger to begin of pass", trigger, [TriggerSubject.SubjectName], reference: null, dataset.ForgetProcessesAsync);
            run.Judge(Goal.AtMost($"trigger to begin of pass, {size:N0} running", measured[0].Median(Metric.Seconds) * 1e3, 1, "ms"));

            int starts = run.Scope.IsShort ? 20 : 200;
            IReadOnlyList<Measurement> started = await run.MeasureAsync(
                Name,
                "start to first action",
                SubjectTask.On(dataset, size) with { Repeats = starts, WarmUpSagas = starts },
                [StartSubject.SubjectName, FencedStart.SubjectName, TransactionStartSubject.SubjectName],
                FencedStart.SubjectName,
                dataset.ForgetProcessesAsync);
            run.Judge(Goal.AtMost($"commit of the caller to first action, {size:N0} running", started[2].Median(Metric.Seconds) * 1e3, 50, "ms"));
        }
    }
}
