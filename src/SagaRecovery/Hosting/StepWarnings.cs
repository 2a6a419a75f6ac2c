using Microsoft.Extensions.Logging;
using SagaRecovery.Diagnostics;
using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>Logs each step that is retried for too long or hangs, once. Serves a single loop of checks.</summary>
internal sealed class StepWarnings(ILogger logger)
{
    private HashSet<(SagaId Saga, string Node, bool IsUndo)> _overdue = [];
    private HashSet<(SagaId Saga, string Node, bool IsUndo)> _hanging = [];

    public void Report(StepReport steps)
    {
        List<SagaStep> overdue = [.. steps.Retrying.Where(step => step.IsOverdue)];
        foreach (SagaStep step in overdue.Where(step => !_overdue.Contains(KeyOf(step))))
        {
            Log.StepRetriedTooLong(
                logger, KindOf(step), step.Step.Node, PlainText.Duration(steps.At - step.Step.Since), step.Step.Attempt, step.Step.LastError!, step.SagaId, step.Name);
        }

        foreach (SagaStep step in steps.Hanging.Where(step => !_hanging.Contains(KeyOf(step))))
        {
            Log.StepHangs(
                logger, step.Step.Attempt, KindOf(step), step.Step.Node, PlainText.Duration(steps.At - step.Step.AttemptSince!.Value), step.SagaId, step.Name);
        }

        _overdue = [.. overdue.Select(KeyOf)];
        _hanging = [.. steps.Hanging.Select(KeyOf)];
    }

    private static (SagaId Saga, string Node, bool IsUndo) KeyOf(SagaStep step) => (step.SagaId, step.Step.Node, step.Step.IsUndo);

    private static string KindOf(SagaStep step) => step.Step.IsUndo ? "undo" : "action";
}
