using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>The cost of everyday operations while the history grows. Sizes are finished sagas, each with six events; they rise.</summary>
internal sealed class GrowthArea : Area
{
    private const int Running = 100;
    private const int Repeats = 50;
    private const int AtATime = 256;

    public override string Name => "growth";

    public override string Description => "passes, looks for owners and new sagas over a history that grows";

    public override async Task RunAsync(BenchmarkRun run)
    {
        Dataset dataset = await run.Server.RunningAsync(Running);
        int before = 0;
        foreach (int finished in run.Scope.SizesOr([0, 1_000_000, 3_000_000, 10_000_000], [0, 2_000]))
        {
            run.Log($"adding {finished - before:N0} finished sagas");
            await dataset.AddHistoryAsync(before, finished);
            before = finished;

            SubjectTask task = SubjectTask.On(dataset, Running) with { Repeats = Repeats, Finished = finished };
            await run.MeasureAsync(Name, "over a history", task, [PassSubject.SubjectName, OwnersSubject.SubjectName], reference: null, dataset.ForgetProcessesAsync);

            int started = run.Scope.IsShort ? 100 : 20_000;
            SubjectTask start = task with { Sagas = started, AtATime = AtATime, WarmUpSagas = started / 2 };
            await run.MeasureAsync(Name, "new sagas over a history", start, [StartingSubject.SubjectName], reference: null, dataset.ForgetProcessesAsync);
        }
    }
}
