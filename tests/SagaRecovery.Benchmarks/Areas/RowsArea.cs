using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>Sagas whose nodes write to the database of the sagas: transactional nodes against ordinary ones. Sizes are sagas at a time.</summary>
internal sealed class RowsArea : Area
{
    private static readonly string[] Subjects = [RowsSubject.Transactional, RowsSubject.Ordinary];

    public override string Name => "rows";

    public override string Description => "completed sagas whose nodes insert a row each";

    public override async Task RunAsync(BenchmarkRun run)
    {
        foreach (int atATime in run.Scope.SizesOr([1, 16, 64], [4]))
        {
            int sagas = run.Scope.IsShort ? 20 : 300 * Math.Min(16, atATime);
            Dataset dataset = await run.Server.EmptyAsync();
            SubjectTask task = SubjectTask.On(dataset, sagas) with { AtATime = atATime, WarmUpSagas = run.Scope.IsShort ? 5 : 300 };
            IReadOnlyList<Measurement> measured = await run.MeasureAsync(
                Name, "4 nodes, at a time", task, Subjects, RowsSubject.Ordinary, () => Task.CompletedTask, new TurnOrder(run.Scope.TurnsOr(5)));
            if (atATime == 1)
            {
                run.Judge(Goal.AtLeast("speed of transactional nodes, one saga at a time, of ordinary ones", measured[0].SpeedOf(measured[1]), 0.7, "x"));
            }
        }
    }
}
