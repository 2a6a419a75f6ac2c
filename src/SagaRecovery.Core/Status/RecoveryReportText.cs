using System.Globalization;
using System.Text;

namespace SagaRecovery.Status;

/// <summary>The report as an operator reads it in a terminal; the form of <c>omdb nexus background-tasks show</c>.</summary>
public static class RecoveryReportText
{
    private const int LongestMessage = 200;

    /// <summary>Renders a report.</summary>
    /// <param name="report">What to show.</param>
    /// <param name="now">The present time, for "3s ago".</param>
    /// <returns>Lines that each end in a line feed.</returns>
    public static string Render(RecoveryReport report, DateTimeOffset now)
    {
        var text = new StringBuilder();
        text.Append("task: \"saga_recovery\"\n");
        AppendCoordinator(text, report.Coordinator, now);
        text.Append(Invariant($"  configured period: every {Short(report.Period)}\n"));
        text.Append(report.CurrentPass is { } current
            ? Invariant($"  currently executing: iter {current.Iteration}, triggered by {Words(current.Reason)}, for {Short(now - current.StartedAt)}\n")
            : "  currently executing: no\n");
        if (report.LastPass is not { } pass)
        {
            text.Append("  last completed activation: none yet\n");
            return text.ToString();
        }

        text.Append(Invariant($"  last completed activation: iter {pass.Start.Iteration}, triggered by {Words(pass.Start.Reason)}\n"));
        text.Append(Invariant($"    started at {Time(pass.Start.StartedAt, "fff")} ({Short(now - pass.Start.StartedAt)} ago) and ran for {Short(pass.Duration)}\n"));
        AppendResult(text, pass);
        AppendTotals(text, report);
        AppendLastPass(text, pass);
        AppendHistories(text, report, now);
        return text.ToString();
    }

    private static void AppendCoordinator(StringBuilder text, CoordinatorStatus coordinator, DateTimeOffset now)
    {
        text.Append(Invariant($"  coordinator: {coordinator.Id}"));
        text.Append(coordinator.Incarnation is { } incarnation ? Invariant($", incarnation {incarnation}\n") : " (not joined yet)\n");
        if (coordinator.Fenced is { } fenced)
        {
            text.Append(Invariant($"  FENCED by incarnation {fenced.By} {Short(now - fenced.At)} ago: a newer process runs under this coordinator id. "));
            text.Append("This one has stopped its sagas and takes no new work; end it.\n");
        }
    }

    private static void AppendResult(StringBuilder text, PassReport pass) => text.Append(pass.Result switch
    {
        PassResult.Completed => "",
        PassResult.CompletedWithFailures => Invariant($"    completed, but {pass.Failed} of {pass.Found} sagas failed\n"),
        PassResult.CutShort => Invariant($"    cut short: {pass.NotAttempted} sagas not attempted\n"),
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
            ("protocol violations:", totals.ProtocolViolations, ""),
            ("passes:", totals.Passes, Invariant($"{totals.FailedPasses} failed")));
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
            ("not here:", pass.NotHere, "definition missing from this binary"),
            ("backing off:", pass.BackingOff, "failed before, not due yet"),
            ("held:", pass.Held, "by an operator"),
            ("abandoned:", pass.Abandoned, "proven corrupt"),
            ("unreadable:", pass.Unreadable, "row could not be read"),
            ("moved on:", pass.MovedOn, "changed since the listing"),
            ("not attempted:", pass.NotAttempted, ""));
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

        AppendWaiting(text, report, now);
    }

    private static void AppendWaiting(StringBuilder text, RecoveryReport report, DateTimeOffset now)
    {
        if (report.WaitingCount == 0)
        {
            return;
        }

        text.Append(Invariant($"    sagas waiting to be recovered ({report.WaitingCount}):\n"));
        text.Append("        NEXT_TRY   SAGA_ID                               WHY\n");
        foreach (WaitingSaga saga in report.Waiting)
        {
            string next = saga.NextTry is not { } due ? "next pass" : due <= now ? "due" : "in " + Short(due - now);
            text.Append(Invariant($"        {next,-9}  {saga.SagaId}  {OneLine(saga.Why)}\n"));
        }

        if (report.WaitingCount > report.Waiting.Count)
        {
            text.Append(Invariant($"        … and {report.WaitingCount - report.Waiting.Count} more\n"));
        }
    }

    private static void AppendColumns(StringBuilder text, params ReadOnlySpan<(string Label, long Count, string Note)> rows)
    {
        int labels = 0;
        int counts = 0;
        foreach ((string label, long count, _) in rows)
        {
            labels = Math.Max(labels, label.Length);
            counts = Math.Max(counts, count.ToString(CultureInfo.InvariantCulture).Length);
        }

        foreach ((string label, long count, string note) in rows)
        {
            string number = count.ToString(CultureInfo.InvariantCulture).PadLeft(counts);
            text.Append("        ").Append(label.PadRight(labels + 1)).Append(number);
            text.Append(note.Length == 0 ? "\n" : Invariant($" ({note})\n"));
        }
    }

    private static string Words(PassReason reason) => reason switch
    {
        PassReason.WithdrawnStart => "a withdrawn start",
        PassReason.GivenUp => "a run that was given up",
        PassReason.Periodic => "a periodic timer firing",
        PassReason.Retry => "the failure of the pass before",
        PassReason.Due => "sagas that were due for another try",
        PassReason.UnreadStarts => "too many unread starts",
        PassReason.Startup => "the start of the process",
        _ => "an explicit signal",
    };

    private static string Time(DateTimeOffset time, string fraction = "") =>
        time.UtcDateTime.ToString(fraction.Length == 0 ? "yyyy-MM-ddTHH:mm:ssZ" : $"yyyy-MM-ddTHH:mm:ss.{fraction}Z", CultureInfo.InvariantCulture);

    /// <summary>A duration in the largest unit that leaves a whole number: 8ms, 3s, 10m, 2h. A clock that was set back makes it 0ms.</summary>
    private static string Short(TimeSpan span) => span switch
    {
        _ when span < TimeSpan.FromSeconds(1) => Invariant($"{Math.Floor(Math.Max(0, span.TotalMilliseconds)):F0}ms"),
        _ when span < TimeSpan.FromMinutes(2) => Invariant($"{Math.Floor(span.TotalSeconds):F0}s"),
        _ when span < TimeSpan.FromHours(2) => Invariant($"{Math.Floor(span.TotalMinutes):F0}m"),
        _ => Invariant($"{Math.Floor(span.TotalHours):F0}h"),
    };

    /// <summary>
    /// Names and messages come from outside: control characters and line separators would forge lines, invisible format characters
    /// would turn them round, and megabytes would bury them.
    /// </summary>
    private static string OneLine(string message)
    {
        string cut = message.Length <= LongestMessage ? message : string.Concat(message.AsSpan(0, CutLength(message)), "…");
        return string.Create(cut.Length, cut, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                span[i] = IsPlain(source[i]) ? source[i] : ' ';
            }
        });
    }

    /// <summary>Where to cut a message that is too long: not between the halves of a surrogate pair.</summary>
    private static int CutLength(string message) =>
        char.IsHighSurrogate(message[LongestMessage - 1]) ? LongestMessage - 1 : LongestMessage;

    private static bool IsPlain(char character) => char.GetUnicodeCategory(character) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
