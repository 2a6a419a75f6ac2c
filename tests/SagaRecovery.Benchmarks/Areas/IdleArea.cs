using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>A process that has nothing to do, with its default settings: statements, processor's time and allocations.</summary>
internal sealed class IdleArea : Area
{
    /// <summary>The time of observation: two checks for stalled sagas and 24 heartbeats. The periodic pass, once in ten minutes, is measured by itself.</summary>
    private const int Seconds = 120;

    public override string Name => "idle";

    public override string Description => "a process without sagas, and one whose sagas all wait";

    public override async Task RunAsync(BenchmarkRun run)
    {
        Dataset dataset = await run.Server.EmptyAsync();
        await dataset.CountStatementsAsync();
        foreach (int size in run.Scope.SizesOr([0, 1_000], [0, 20]))
        {
            await dataset.RefillWithChainsAsync(size, warmUps: 0);
            SubjectTask task = SubjectTask.On(dataset, size) with { Repeats = run.Scope.IsShort ? 1 : Seconds };
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name, "nothing to do", task, [IdleSubject.SubjectName, BareIdleSubject.SubjectName], reference: null, dataset.ForgetProcessesAsync,
                new TurnOrder(run.Scope.TurnsOr(1)));
            Judge(run, size, measured[0], measured[1]);
        }
    }

    private static void Judge(BenchmarkRun run, int size, Measurement ours, Measurement bare)
    {
        double seconds = ours.Median(Metric.Seconds);
        run.Judge(Goal.AtMost($"statements of an idle process, {size:N0} sagas", ours.Median(Metric.StatementsASecond), 1, "1/s"));
        run.Judge(Goal.AtMost($"processor of an idle process, {size:N0} sagas", ours.Median(Metric.CpuSeconds) / seconds * 100, 0.1, "% of a core"));
        run.Judge(Goal.AtMost($"allocated for a heartbeat, {size:N0} sagas, of the bare statements", ours.Median(Metric.BytesAHeartbeat) / bare.Median(Metric.BytesAHeartbeat), 2, "x"));
        if (size == 0)
        {
            run.Judge(Goal.AtMost("allocated for a pass without sagas, of the bare statements", ours.Median(Metric.BytesAPass) / bare.Median(Metric.BytesAPass), 2, "x"));
        }
    }
}
