using SagaRecovery.Benchmarks.Core;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>The pure bookkeeping: the cost of a plan, and the memory of the tracker.</summary>
internal sealed class CoreArea : Area
{
    private const int Million = 1_000_000;

    public override string Name => "core";

    public override string Description => "the plan and the tracker";

    public override async Task RunAsync(BenchmarkRun run)
    {
        IReadOnlyList<int> sizes = run.Scope.SizesOr([0, 1_000, 100_000, Million], [0, 1_000]);
        run.Log($"{Name}, plan: BenchmarkDotNet");
        (IReadOnlyList<Measurement> plans, run.BenchmarkDotNet) = PlanRun.Run(Name, sizes, run.Scope.IsShort);
        run.Add(plans);
        foreach (Measurement plan in plans.Where(plan => plan.Size >= 100_000))
        {
            JudgePlan(run, plan);
        }

        foreach (int size in sizes.Where(size => size > 0))
        {
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name, "recover in the tracker", SubjectTask.Without(size), [TrackerSubject.SubjectName], reference: null, () => Task.CompletedTask);
            if (size == Million)
            {
                run.Judge(Goal.AtMost($"tracker, for each of {size:N0} sagas", measured[0].Median(Metric.HeldBytes) / size, 150, "B"));
            }
        }
    }

    private static void JudgePlan(BenchmarkRun run, Measurement plan)
    {
        bool isKnown = plan.Subject != nameof(PlanBenchmarks.Unknown);
        run.Judge(Goal.AtMost($"plan, {plan.Subject}, for each of {plan.Size:N0} sagas", plan.Median(Metric.Seconds) / plan.Size * 1e9, isKnown ? 80 : 100, "ns"));
        if (isKnown)
        {
            // the fixed allocations of a plan are nearly nothing for each saga
            run.Judge(Goal.AtMost($"plan, {plan.Subject}, allocated for each of {plan.Size:N0} sagas", plan.Median(Metric.AllocatedBytes) / plan.Size, 0.1, "B"));
        }
    }
}
