using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>List, plan, load and resume, with an executor that runs nothing, against raw readers of the same rows.</summary>
internal sealed class RecoverArea : Area
{
    private const int Million = 1_000_000;

    private static readonly string[] Subjects =
        [RecoverySubject.SubjectName, PageReader.SubjectName, MergeReader.SubjectName, CopyReader.SubjectName, PerSagaReader.SubjectName];

    /// <summary>At a million, one query for each takes minutes and adds nothing new.</summary>
    private static readonly string[] SubjectsOfMany = [.. Subjects.Where(subject => subject != PerSagaReader.SubjectName)];

    public override string Name => "recover";

    public override string Description => "resumes with an executor that runs nothing";

    public override async Task RunAsync(BenchmarkRun run)
    {
        foreach (int size in run.Scope.SizesOr([1_000, 10_000, 100_000, Million], [200, 400, 800]))
        {
            Dataset dataset = await run.Server.InFlightAsync(size);
            SubjectTask task = SubjectTask.On(dataset, size);
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name, "recover", task, size < Million ? Subjects : SubjectsOfMany, PageReader.SubjectName, dataset.ForgetProcessesAsync);
            Judge(run, size, measured);
            if (size == Million)
            {
                SubjectResult tracker = await SubjectProcess.StartAsync(TrackerSubject.SubjectName, task);
                double above = measured[0].Median(Metric.PeakBytes) - tracker[Metric.HeldBytes]!.Value;
                run.Judge(Goal.AtMost($"peak memory at {size:N0}, above the tracker", above / 1e6, 200, "MB"));
            }
        }
    }

    private static void Judge(BenchmarkRun run, int size, IReadOnlyList<Measurement> measured)
    {
        Measurement ours = measured[0];
        Measurement pages = measured.First(one => one.Subject == PageReader.SubjectName);
        if (size >= 10_000)
        {
            run.Judge(Goal.AtMost($"allocated for each of {size:N0} recovered sagas", ours.Median(Metric.AllocatedBytes) / size / 1024, 8, "KB"));
        }

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
