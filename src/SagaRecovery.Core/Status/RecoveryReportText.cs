using System.Globalization;
using System.Text;
using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.Status;

/// <summary>Renders a report as text for the terminal.</summary>
/// <remarks>The layout follows that of <c>omdb nexus background-tasks show</c>.</remarks>
public static class RecoveryReportText
{
    /// <summary>The number of definitions that are shown with their sagas that wait for a slot.</summary>
    private const int SlotBacklogShown = 20;

    /// <summary>Renders a report.</summary>
    /// <param name="report">The report to render.</param>
    /// <param name="now">The current time, from which ages such as "3s ago" are computed.</param>
    /// <returns>The text, with a line feed at the end of each line.</returns>
    public static string Render(RecoveryReport report, DateTimeOffset now)
    {
        var text = new StringBuilder();
        text.Append("task: \"saga_recovery\"\n");
        AppendCoordinator(text, report.Coordinator, now);
        AppendHeartbeat(text, report.Heartbeat, now);
        AppendPrevious(text, report.Previous, now);
        AppendPause(text, report.Paused, now);
        AppendDrain(text, report.Drain, now);
        AppendCluster(text, report.Cluster, now);
        AppendUnresolved(text, report.Unresolved, now);
        if (report.Problems is { Open: > 0 } problems)
        {
            text.Append(Invariant($"  PROBLEMS: {ProblemListText.Summarize(problems)} (as of {Duration(now - problems.At)} ago). List them with 'problems'.\n"));
        }

        text.Append(Invariant($"  configured period: every {Duration(report.Period)}\n"));
        if (report.Retention is { } retention)
        {
            text.Append(Invariant($"  retention: {RetentionReportText.Render(retention, now)}\n"));
        }

        text.Append(report.CurrentPass is { } current
            ? Invariant($"  currently executing: iter {current.Iteration}, triggered by {Describe(current.Reason)}, for {Duration(now - current.StartedAt)}\n")
            : "  currently executing: no\n");
        if (report.LastPass is not { } pass)
        {
            text.Append("  last completed activation: none yet\n");
            return text.ToString();
        }

        text.Append(Invariant($"  last completed activation: iter {pass.Start.Iteration}, triggered by {Describe(pass.Start.Reason)}\n"));
        text.Append(Invariant($"    started at {PreciseTime(pass.Start.StartedAt)} ({Duration(now - pass.Start.StartedAt)} ago)"));
        text.Append(Invariant($" and ran for {Duration(pass.Duration)}\n"));
        AppendResult(text, pass);
        AppendTotals(text, report);
        AppendLosses(text, report.Totals);
        AppendLastPass(text, pass);
        AppendHistories(text, report, now);
        return text.ToString();
    }

    private static void AppendCoordinator(StringBuilder text, CoordinatorStatus coordinator, DateTimeOffset now)
    {
        text.Append(Invariant($"  coordinator: {coordinator.Id}"));
        text.Append(coordinator.Incarnation is { } incarnation ? Invariant($", incarnation {incarnation}\n") : " (not joined yet)\n");
        if (coordinator.Incompatible is { } reason)
        {
            text.Append(Invariant($"  INCOMPATIBLE STORE: {OneLine(reason, longest: 2_000)}\n"));
        }

        if (coordinator.Rejoins > 0)
        {
            text.Append(Invariant($"  REJOINED {Count(coordinator.Rejoins, "time")}: the database was failed over, restored or recreated.\n"));
        }

        if (coordinator.Fenced is { } fenced)
        {
            text.Append(Invariant($"  FENCED by incarnation {fenced.By} {Duration(now - fenced.At)} ago: a newer process has joined under this coordinator id. "));
            text.Append("It has stopped its sagas and accepts no new work. Terminate it.\n");
        }
    }

    private static void AppendHeartbeat(StringBuilder text, HeartbeatReport? heartbeat, DateTimeOffset now)
    {
        if (heartbeat?.LateSince is { } since)
        {
            string error = heartbeat.Error is { } last ? $": {OneLine(last)}" : "";
            text.Append(Invariant($"  HEARTBEAT LATE: none written for {Duration(now - since)}{error}. Other coordinators may take over the sagas of this process.\n"));
        }

        if (heartbeat?.ListenerError is { } reason)
        {
            text.Append(Invariant($"  NO LISTENER CONNECTION: {OneLine(reason)}. Heartbeats use the pool, and hints arrive late or not at all.\n"));
        }
    }

    private static void AppendPrevious(StringBuilder text, PreviousProcess? previous, DateTimeOffset now)
    {
        if (previous is { Crashed: true })
        {
            text.Append(Invariant($"  previous process: did not shut down, last seen {Time(previous.LastSeen)} ({Duration(now - previous.LastSeen)} ago)"));
            text.Append(previous.InFlight == 0 ? "\n" : $"; {Count(previous.InFlight, "saga")} in flight\n");
            if (previous.LoopMessage is { } loop)
            {
                text.Append(Invariant($"  CRASH LOOP: {loop}\n"));
            }
        }
    }

    private static void AppendPause(StringBuilder text, RecoveryPause? pause, DateTimeOffset now)
    {
        if (pause is not null)
        {
            text.Append(Invariant($"  PAUSED {Duration(now - pause.Since)} ago by {By(pause.Note)}. No saga is recovered until recovery is resumed.\n"));
        }
    }

    private static void AppendDrain(StringBuilder text, DrainReport? drain, DateTimeOffset now)
    {
        if (drain is null)
        {
            return;
        }

        text.Append(Invariant($"  DRAINING for {Duration(now - drain.Since)}, requested by {By(drain.Note)}. No new sagas start. "));
        text.Append(drain.Phase switch
        {
            DrainPhase.WaitingForRuns => "Running sagas may finish.\n",
            DrainPhase.Reassigning => "The remaining sagas are being reassigned.\n",
            DrainPhase.Drained => Invariant($"Drained: {drain.Reassigned} reassigned, none left.\n"),
            DrainPhase.Unanswered => "The database did not respond. Request the drain again.\n",
            _ => Invariant($"{drain.Reassigned} reassigned, {drain.Left} left, which resume at the next start.{TookNone(drain.Paused)}\n"),
        });
    }

    private static string TookNone(IReadOnlyList<CoordinatorId> paused) =>
        paused.Count == 0 ? "" : $" Took none, since their recovery is paused: {string.Join(", ", paused)}.";

    private static void AppendCluster(StringBuilder text, ClusterReport? cluster, DateTimeOffset now)
    {
        if (cluster is null)
        {
            return;
        }

        string asOf = Invariant($"as of {Duration(now - cluster.At)} ago");
        AppendUnowned(text, cluster.Orphans, "ORPHANS", "whose owner is not a known coordinator", asOf, now);
        AppendUnowned(text, cluster.OwnerDown, "OWNER DOWN", "whose owner does not respond", asOf, now);
    }

    private static void AppendUnowned(StringBuilder text, UnownedSagas sagas, string label, string reason, string asOf, DateTimeOffset now)
    {
        if (sagas.Count > 0)
        {
            string oldest = sagas.Oldest is { } time ? Invariant($", the oldest {Duration(now - time)} old") : "";
            text.Append(Invariant($"  {label}: {Count(sagas.Count, "unfinished saga")} in this database {reason}{oldest} ({asOf}). "));
            text.Append("List them by owner with 'coordinators orphans', then reassign them.\n");
        }
    }

    private static void AppendUnresolved(StringBuilder text, UnresolvedSagas? sagas, DateTimeOffset now)
    {
        if (sagas is null)
        {
            return;
        }

        Append(sagas.Stuck, "STUCK", "stuck");
        Append(sagas.Abandoned, "ABANDONED", "abandoned");

        void Append(UnownedSagas group, string label, string state)
        {
            if (group.Count > 0)
            {
                string more = group.Count >= UnresolvedSagas.MaxCount ? " or more" : "";
                string oldest = group.Oldest is { } time ? Invariant($", the oldest started {Duration(now - time)} ago") : "";
                text.Append(Invariant($"  {label}: {Count(group.Count, "saga")}{more} in this database{oldest} (as of {Duration(now - sagas.At)} ago). "));
                text.Append(Invariant($"List them with 'sagas list --state {state}'.\n"));
            }
        }
    }

    private static string By(OperatorNote note) => $"{OneLine(note.Actor)}: {OneLine(note.Reason)}";

    private static void AppendResult(StringBuilder text, PassReport pass) => text.Append(pass.Result switch
    {
        PassResult.Completed => "",
        PassResult.CompletedWithFailures => Invariant($"    completed, but {pass.Failed} of {Count(pass.Found, "saga")} failed\n"),
        PassResult.CutShort => Invariant($"    cut short: {Count(pass.NotAttempted, "saga")} not attempted\n"),
        _ => Invariant($"    FAILED: {OneLine(pass.Error ?? "")}\n"),
    });

    private static void AppendTotals(StringBuilder text, RecoveryReport report)
    {
        RecoveryTotals totals = report.Totals;
        text.Append("    since start:\n");
        AppendColumns(
            text,
            ("sagas recovered:", totals.Recovered, ""),
            ("sagas recovery errors:", totals.Failed, ""),
            ("sagas observed started:", totals.ObservedStarts, ""),
            ("sagas inferred finished:", totals.InferredFinished, ""),
            ("missing from executor:", totals.MissingFromExecutor, ""),
            ("bad state in executor:", totals.BadStateInExecutor, ""),
            ("sagas readopted:", totals.Readopted, ""),
            ("sagas abandoned:", totals.Abandoned, ""),
            ("hints missed:", totals.MissedHints, "assigned here, found only by a periodic pass"),
            ("protocol violations:", totals.ProtocolViolations, ""),
            ("passes:", totals.Passes, Invariant($"{totals.FailedPasses} failed")));
    }

    private static void AppendLosses(StringBuilder text, RecoveryTotals totals)
    {
        if (totals.Lost + totals.EndsLost > 0)
        {
            text.Append("    lost by the database in a failover or restore:\n");
            AppendColumns(
                text,
                ("sagas lost:", totals.Lost, "started or ran here, but their rows no longer exist"),
                ("ends lost:", totals.EndsLost, "ended here, unfinished in the database, and recovered"));
        }
    }

    private static void AppendLastPass(StringBuilder text, PassReport pass)
    {
        text.Append("    last pass:\n");
        AppendColumns(
            text,
            ("found sagas:", pass.Found, "in progress, owned by this coordinator"),
            ("recovered:", pass.Recovered, "successfully"),
            ("failed:", pass.Failed, ""),
            ("skipped:", pass.Skipped, "already running"),
            ("removed:", pass.Removed, "newly finished"),
            ("starting:", pass.Starting, "too new for the listing"),
            ("unknown definition:", pass.UnknownDefinition, "definition missing from this binary"),
            ("backing off:", pass.BackingOff, "failed before, not due yet"),
            ("held:", pass.Held, "until released"),
            ("paused:", pass.Paused, "until recovery is resumed"),
            ("deferred:", pass.Deferred, "after a crash, until other sagas pass their probation"),
            ("waiting for a slot:", pass.WaitingForSlot, "until the executor has capacity"),
            ("abandoned:", pass.Abandoned, "proven corrupt"),
            ("unreadable:", pass.Unreadable, "row could not be read"),
            ("superseded:", pass.Superseded, "changed since the listing"),
            ("not attempted:", pass.NotAttempted, ""));
        if (pass.NotRelinquished > 0)
        {
            AppendColumns(text, ("not relinquished:", pass.NotRelinquished, "no longer listed, but the executor did not answer; they stay tracked"));
        }
    }

    private static void AppendHistories(StringBuilder text, RecoveryReport report, DateTimeOffset now)
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
        if (report.SlotBacklog.Count == 0)
        {
            return;
        }

        text.Append(Invariant($"    sagas waiting for a slot ({report.WaitingForSlot}):\n"));
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
            text.Append(Invariant($"        {Time(saga.Since)}  {saga.SagaId}  {By(saga.Note)}\n"));
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
            text.Append(Invariant($"  {OperatorActionText.On(action),-48}  {By(action.Note)}\n"));
        }
    }

    private static void AppendMore(StringBuilder text, int more)
    {
        if (more > 0)
        {
            text.Append(Invariant($"        … and {more} more\n"));
        }
    }

    private static void AppendColumns(StringBuilder text, params ReadOnlySpan<(string Label, long Count, string Note)> rows)
    {
        int labelWidth = 0;
        int countWidth = 0;
        foreach ((string label, long count, _) in rows)
        {
            labelWidth = Math.Max(labelWidth, label.Length);
            countWidth = Math.Max(countWidth, count.ToString(CultureInfo.InvariantCulture).Length);
        }

        foreach ((string label, long count, string note) in rows)
        {
            string number = count.ToString(CultureInfo.InvariantCulture).PadLeft(countWidth);
            text.Append("        ").Append(label.PadRight(labelWidth + 1)).Append(number);
            text.Append(note.Length == 0 ? "\n" : Invariant($" ({note})\n"));
        }
    }

    private static string Describe(PassReason reason) => reason switch
    {
        PassReason.WithdrawnStart => "a withdrawn start",
        PassReason.InterruptedRun => "an interrupted run",
        PassReason.Periodic => "a periodic timer firing",
        PassReason.Retry => "the failure of the previous pass",
        PassReason.Due => "sagas due for a retry",
        PassReason.Probation => "the end of a probation",
        PassReason.LateHeartbeat => "a late heartbeat",
        PassReason.Hint => "a hint from the database",
        PassReason.OperatorAction => "an operator action",
        PassReason.UnreadStarts => "too many unread starts",
        PassReason.Startup => "the start of the process",
        _ => "a request",
    };

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
