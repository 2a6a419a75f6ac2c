using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>List, plan, load and hand over, with an executor that runs nothing, against raw readers of the same rows.</summary>
internal sealed class RecoverArea : Area
{
    private const string What = "recover";

    public override string Name => "recover";

    public override string Description => "hand over to an executor that runs nothing";

    public override async Task RunAsync(BenchmarkRun run)
    {
        foreach (int size in run.Scope.SizesOr([1_000, 10_000, 100_000, 1_000_000], [200, 400, 800]))
        {
            Dataset dataset = await run.Server.InFlightAsync(size);
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name, What, SubjectTask.On(dataset, size), [RecoverySubject.SubjectName, PageReader.SubjectName], PageReader.SubjectName, dataset.ForgetProcessesAsync);
            Judge(run, size, measured);
        }
    }

    private static void Judge(BenchmarkRun run, int size, IReadOnlyList<Measurement> measured)
    {
        Measurement ours = measured[0];
        Measurement pages = measured.First(one => one.Subject == PageReader.SubjectName);
        run.Judge(Goal.AtMost($"allocated for each of {size:N0} recovered sagas", ours.Median(Metric.AllocatedBytes) / size / 1024, 8, "KB"));
        if (size is 10_000 or 100_000)
        {
            run.Judge(Goal.AtLeast($"speed of recovering {size:N0}, of the page reader's", ours.SpeedOf(pages), 0.8, "x"));
        }

        if (size == 100_000)
        {
            run.Judge(Goal.AtMost($"peak memory at {size:N0}", ours.Median(Metric.PeakBytes) / 1e6, 150, "MB"));
        }
    }
}
