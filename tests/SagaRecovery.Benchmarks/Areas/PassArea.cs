using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>Passes that find nothing to resume, as nearly all passes do.</summary>
internal sealed class PassArea : Area
{
    private const int EmptyRepeats = 200;
    private const int RunningRepeats = 20;
    private const int UnknownRepeats = 10;

    private static readonly string[] Subjects = [PassSubject.SubjectName, ListingSubject.SubjectName];

    public override string Name => "pass";

    public override string Description => "passes with nothing to resume";

    public override async Task RunAsync(BenchmarkRun run)
    {
        foreach (int size in run.Scope.SizesOr([0, 10_000, 100_000, 1_000_000], [0, 200]))
        {
            Dataset dataset = await run.Server.FinishedAsync(size);
            IReadOnlyList<Measurement> measured = await MeasureAsync(run, "pass, all finished", dataset, size, EmptyRepeats);
            if (size == 1_000_000)
            {
                run.Judge(Goal.AtMost($"empty pass over {size:N0} finished", measured[0].Median(Metric.Seconds) * 1e3, 1, "ms"));
            }
        }

        foreach (int size in run.Scope.SizesOr([1_000, 10_000, 100_000], [200]))
        {
            Dataset dataset = await run.Server.InFlightAsync(size);
            IReadOnlyList<Measurement> measured = await MeasureAsync(run, "pass, all running", dataset, size, RunningRepeats);
            if (size == 100_000)
            {
                run.Judge(Goal.AtMost($"pass over {size:N0} running, of the raw listing's time", 1 / measured[0].SpeedOf(measured[1]), 1.2, "x"));
            }
        }

        await MeasureUnknownAsync(run);
    }

    /// <summary>Passes over sagas that this process cannot run, beside the listing of as many.</summary>
    private async Task MeasureUnknownAsync(BenchmarkRun run)
    {
        foreach (int size in run.Scope.SizesOr([10_000], [200]))
        {
            Dataset dataset = await run.Server.InFlightAsync(size);
            await run.MeasureAsync(
                Name, "pass, definition unknown", SubjectTask.On(dataset, size) with { Repeats = UnknownRepeats },
                [UnknownSubject.SubjectName, ListingSubject.SubjectName], ListingSubject.SubjectName, dataset.ForgetProcessesAsync);
        }
    }

    private Task<IReadOnlyList<Measurement>> MeasureAsync(BenchmarkRun run, string what, Dataset dataset, int size, int repeats) => run.MeasureAsync(
        Name, what, SubjectTask.On(dataset, size) with { Repeats = repeats }, Subjects, ListingSubject.SubjectName, dataset.ForgetProcessesAsync);
}
