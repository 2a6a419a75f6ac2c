using System.Text;
using static System.FormattableString;
using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.Status;

/// <summary>Renders the lists of sagas, of steps and of operator actions of a report as tables.</summary>
internal static class SagaTablesText
{
    /// <summary>The number of definitions that are shown with their sagas that wait for a slot.</summary>
    private const int SlotBacklogShown = 20;

    public static void Append(StringBuilder text, RecoveryReport report, DateTimeOffset now)
    {
        if (report.RecentlyRecovered.Count == 0)
        {
            text.Append("    no sagas recovered\n");
        }
        else
        {
            text.Append(Invariant($"    recently recovered sagas ({report.RecentlyRecovered.Count}):\n"));
            text.Append("        TIME                  SAGA_ID                               NAME\n");
            foreach (RecoveredSaga saga in report.RecentlyRecovered)
            {
                text.Append(Invariant($"        {Time(saga.Time)}  {saga.SagaId}  {OneLine(saga.Name)}\n"));
            }
        }

        if (report.RecentFailures.Count == 0)
        {
            text.Append("    no saga recovery failures\n");
        }
        else
        {
            text.Append(Invariant($"    recent sagas recovery failures ({report.RecentFailures.Count}):\n"));
            text.Append("        TIME                  SAGA_ID                               MESSAGE\n");
            foreach (FailedSaga saga in report.RecentFailures)
            {
                text.Append(Invariant($"        {Time(saga.Time)}  {saga.SagaId}  {OneLine(saga.Message)}\n"));
            }
        }

        AppendSlotBacklog(text, report, now);
        AppendWaiting(text, report, now);
        AppendHeld(text, report);
        AppendStalled(text, report, now);
        AppendRetrying(text, report.Steps, now);
        AppendHanging(text, report.Steps, now);
        AppendActions(text, report);
    }

    private static void AppendSlotBacklog(StringBuilder text, RecoveryReport report, DateTimeOffset now)
    {
        if (report.WaitingForSlot == 0)
        {
            return;
        }

        string queued = report.QueuedInExecutor is { } count ? Invariant($", {count} loaded and queued in the executor") : "";
        text.Append(Invariant($"    sagas waiting for a slot ({report.WaitingForSlot}): {report.NotLoaded} not loaded{queued}\n"));
        if (report.SlotBacklog.Count == 0)
        {
            return;
        }

        text.Append("        COUNT      IDLE_FOR   DEFINITION\n");
        foreach (SlotBacklog backlog in report.SlotBacklog.OrderByDescending(backlog => backlog.Count).Take(SlotBacklogShown))
        {
            string idle = backlog.Since is { } since ? Duration(now - since) : "";
            text.Append(Invariant($"        {backlog.Count,-9}  {idle,-9}  {OneLine(backlog.Definition)}\n"));
        }

        AppendMore(text, report.SlotBacklog.Count - SlotBacklogShown);
    }

    private static void AppendWaiting(StringBuilder text, RecoveryReport report, DateTimeOffset now)
    {
        if (report.WaitingCount == 0)
        {
            return;
        }

        text.Append(Invariant($"    sagas waiting to be recovered ({report.WaitingCount}):\n"));
        text.Append("        NEXT_TRY   SAGA_ID                               REASON\n");
        foreach (WaitingSaga saga in report.Waiting)
        {
            string next = saga.NextTry is not { } due ? "next pass" : due <= now ? "due" : "in " + Duration(due - now);
            text.Append(Invariant($"        {next,-9}  {saga.SagaId}  {OneLine(saga.Reason)}\n"));
        }

        AppendMore(text, report.WaitingCount - report.Waiting.Count);
    }

    private static void AppendHeld(StringBuilder text, RecoveryReport report)
    {
        if (report.HeldCount == 0)
        {
            return;
        }

        text.Append(Invariant($"    sagas held ({report.HeldCount}):\n"));
        text.Append("        SINCE                 SAGA_ID                               BY\n");
        foreach (HeldSaga saga in report.Held)
        {
            text.Append(Invariant($"        {Time(saga.Since)}  {saga.SagaId}  {OperatorActionText.By(saga.Note)}\n"));
        }

        AppendMore(text, report.HeldCount - report.Held.Count);
    }

    private static void AppendStalled(StringBuilder text, RecoveryReport report, DateTimeOffset now)
    {
        if (report.Stalled is not { Count: > 0 } stalled)
        {
            return;
        }

        text.Append(Invariant($"    stalled sagas ({stalled.Count}, as of {Duration(now - stalled.At)} ago):\n"));
        text.Append("        LAST_EVENT            SAGA_ID                               DETAIL\n");
        foreach (StalledSaga saga in stalled.Sagas)
        {
            string lastEvent = OneLine(saga.LastEvent ?? "no event yet");
            string run = saga.Run is { } progress ? $", {progress.Describe(now)}" : "";
            text.Append(Invariant($"        {Time(saga.Since)}  {saga.SagaId}  {OneLine(saga.Name)}: {lastEvent}{run}\n"));
        }

        AppendMore(text, stalled.Count - stalled.Sagas.Count);
    }

    private static void AppendRetrying(StringBuilder text, StepReport? steps, DateTimeOffset now)
    {
        if (steps is not { RetryingCount: > 0 })
        {
            return;
        }

        string overdue = steps.OverdueCount == 0 ? "" : Invariant($", {steps.OverdueCount} of them for too long");
        text.Append(Invariant($"    steps being retried ({steps.RetryingCount}{overdue}, as of {Duration(now - steps.At)} ago):\n"));
        text.Append("        SINCE                 SAGA_ID                               DETAIL\n");
        foreach (SagaStep step in steps.Retrying)
        {
            AppendStep(text, step, step.IsOverdue ? "FOR TOO LONG, " : "", now);
        }

        AppendMore(text, steps.RetryingCount - steps.Retrying.Count);
    }

    private static void AppendHanging(StringBuilder text, StepReport? steps, DateTimeOffset now)
    {
        if (steps is not { HangingCount: > 0 })
        {
            return;
        }

        text.Append(Invariant($"    steps that do not end ({steps.HangingCount}, as of {Duration(now - steps.At)} ago):\n"));
        text.Append("        SINCE                 SAGA_ID                               DETAIL\n");
        foreach (SagaStep step in steps.Hanging)
        {
            AppendStep(text, step, "", now);
        }

        AppendMore(text, steps.HangingCount - steps.Hanging.Count);
    }

    private static void AppendStep(StringBuilder text, SagaStep step, string note, DateTimeOffset now) => text.Append(Invariant(
        $"        {Time(step.Step.Since)}  {step.SagaId}  {OneLine(step.Name)}: {note}{step.Step.Describe(now)}\n"));

    private static void AppendActions(StringBuilder text, RecoveryReport report)
    {
        if (report.RecentActions.Count == 0)
        {
            return;
        }

        text.Append(Invariant($"    operator actions ({report.RecentActions.Count}):\n"));
        text.Append("        TIME                  ACTION        ON                                                BY\n");
        foreach (OperatorAction action in report.RecentActions)
        {
            text.Append(Invariant($"        {Time(action.Time)}  {OperatorActionText.Of(action.Kind),-12}"));
            text.Append(Invariant($"  {OperatorActionText.On(action),-48}  {OperatorActionText.By(action.Note)}\n"));
        }
    }

    private static void AppendMore(StringBuilder text, int more)
    {
        if (more > 0)
        {
            text.Append(Invariant($"        … and {more} more\n"));
        }
    }
}
