using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>The same with the durable executor, against the one that runs nothing.</summary>
internal sealed class ResumeArea : Area
{
    public override string Name => "resume";

    public override string Description => "until every saga is back in user code";

    public override async Task RunAsync(BenchmarkRun run)
    {
        foreach (int size in run.Scope.SizesOr([1_000, 10_000, 100_000], [200]))
        {
            Dataset dataset = await run.Server.InFlightAsync(size);
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name,
                "back in user code",
                SubjectTask.On(dataset, size),
                [ResumingSubject.SubjectName, RecoverySubject.SubjectName],
                RecoverySubject.SubjectName,
                dataset.ForgetProcessesAsync);
            if (size == 10_000)
            {
                run.Judge(Goal.AtMost($"time until {size:N0} are back in user code, of that without executor", 1 / measured[0].SpeedOf(measured[1]), 2, "x"));
            }
        }
    }
}
