using System.Globalization;
using System.Text;
using static System.FormattableString;
using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.Status;

/// <summary>Renders the last pass, and the totals of all passes.</summary>
internal static class PassText
{
    /// <summary>Renders a report that has a last pass.</summary>
    public static void Append(StringBuilder text, RecoveryReport report, PassReport pass, DateTimeOffset now)
    {
        text.Append(Invariant($"  last completed activation: iter {pass.Start.Iteration}, triggered by {Describe(pass.Start.Reason)}\n"));
        text.Append(Invariant($"    started at {PreciseTime(pass.Start.StartedAt)} ({Duration(now - pass.Start.StartedAt)} ago)"));
        text.Append(Invariant($" and ran for {Duration(pass.Duration)}\n"));
        AppendResult(text, pass);
        AppendTotals(text, report.Totals);
        AppendLosses(text, report.Totals);
        AppendLastPass(text, pass);
    }

    /// <summary>Returns the trigger of a pass in words.</summary>
    public static string Describe(PassReason reason) => reason switch
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

    private static void AppendResult(StringBuilder text, PassReport pass) => text.Append(pass.Result switch
    {
        PassResult.Completed => "",
        PassResult.CompletedWithFailures => Invariant($"    completed, but {pass.Failed} of {Count(pass.Found, "saga")} failed\n"),
        PassResult.CutShort => Invariant($"    cut short: {Count(pass.NotAttempted, "saga")} not attempted\n"),
        _ => Invariant($"    FAILED: {OneLine(pass.Error ?? "")}\n"),
    });

    private static void AppendTotals(StringBuilder text, RecoveryTotals totals)
    {
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
            ("skipped:", pass.Skipped, "already running or queued in this process"),
            ("removed:", pass.Removed, "newly finished"),
            ("starting:", pass.Starting, "too new for the listing"),
            ("unknown definition:", pass.UnknownDefinition, "definition missing from this binary"),
            ("backing off:", pass.BackingOff, "failed before, not due yet"),
            ("held:", pass.Held, "until released"),
            ("paused:", pass.Paused, "until recovery is resumed"),
            ("deferred:", pass.Deferred, "after a crash, until other sagas pass their probation"),
            ("waiting for a slot:", pass.WaitingForSlot, "not loaded until the executor has capacity"),
            ("abandoned:", pass.Abandoned, "proven corrupt"),
            ("unreadable:", pass.Unreadable, "row could not be read"),
            ("superseded:", pass.Superseded, "changed since the listing"),
            ("not attempted:", pass.NotAttempted, ""));
        if (pass.Interrupted + pass.TakenBack > 0)
        {
            AppendColumns(
                text,
                ("interrupted runs:", pass.Interrupted, "ended before their saga, as this pass has read"),
                ("failed runs:", pass.FailedRuns, "interrupted without a request of an operator; count as recovery errors"),
                ("taken back:", pass.TakenBack, "counted as recovered before, and no longer do"));
        }

        if (pass.NotRelinquished > 0)
        {
            AppendColumns(text, ("not relinquished:", pass.NotRelinquished, "no longer listed, but the executor did not answer; they stay tracked"));
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
}
