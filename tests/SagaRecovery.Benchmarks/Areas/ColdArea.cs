using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>From the launch of the process until sagas are resumed.</summary>
internal sealed class ColdArea : Area
{
    public override string Name => "cold";

    public override string Description => "from the launch of the process";

    public override async Task RunAsync(BenchmarkRun run)
    {
        foreach (int size in run.Scope.SizesOr([1_000, 10_000, 100_000], [200]))
        {
            Dataset dataset = await run.Server.InFlightAsync(size);
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name,
                "launch to all resumed",
                SubjectTask.On(dataset, size),
                [ColdRecovery.SubjectName, ColdPageReader.SubjectName],
                ColdPageReader.SubjectName,
                dataset.ForgetProcessesAsync);
            AddMoments(run, measured);
            Judge(run, size, measured[0]);
        }
    }

    private static void AddMoments(BenchmarkRun run, IReadOnlyList<Measurement> measured)
    {
        (string Metric, string What)[] moments =
        [
            (Metric.FirstSeconds, "launch to first resumed"),
            (Metric.ThousandthSeconds, "launch to 1,000th resumed"),
            (Metric.TenThousandthSeconds, "launch to 10,000th resumed"),
        ];
        foreach ((string metric, string what) in moments)
        {
            run.Add(measured.Where(one => one[metric] is not null).Select(one => one.Of(metric, what)));
        }
    }

    private static void Judge(BenchmarkRun run, int size, Measurement ours)
    {
        JudgeIf(size >= 1_000, "the first", Metric.FirstSeconds, 0.25);
        JudgeIf(size == 1_000, "all", Metric.Seconds, 0.35);
        JudgeIf(size == 10_000, "all", Metric.Seconds, 0.7);
        JudgeIf(size == 100_000, "all", Metric.Seconds, 4);

        void JudgeIf(bool applies, string which, string metric, double seconds)
        {
            if (applies)
            {
                run.Judge(Goal.AtMost($"cold: {which} of {size:N0} resumed", ours.Median(metric), seconds, "s"));
            }
        }
    }
}
