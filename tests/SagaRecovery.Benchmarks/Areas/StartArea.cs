using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>How long until something begins: a pass that was asked for, a saga that was announced.</summary>
internal sealed class StartArea : Area
{
    public override string Name => "start";

    public override string Description => "trigger to pass, announcement to first action";

    public override async Task RunAsync(BenchmarkRun run)
    {
        Dataset dataset = await run.Server.EmptyAsync();
        int repeats = run.Scope.IsShort ? 20 : 500;
        SubjectTask task = SubjectTask.On(dataset, sagas: 1) with { Repeats = repeats, WarmUpSagas = repeats };
        IReadOnlyList<Measurement> trigger = await run.MeasureAsync(
            Name, "trigger to begin of pass", task, [TriggerSubject.SubjectName], reference: null, dataset.ForgetProcessesAsync);
        run.Judge(Goal.AtMost("trigger to begin of pass, idle", trigger[0].Median(Metric.Seconds) * 1e3, 1, "ms"));

        await run.MeasureAsync(
            Name,
            "start of a saga",
            task,
            [StartSubject.SubjectName, FencedStart.SubjectName],
            FencedStart.SubjectName,
            () => dataset.RefillWithChainsAsync(sagas: 0, warmUps: 0));
    }
}
