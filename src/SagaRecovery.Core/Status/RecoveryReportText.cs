using System.Text;
using static System.FormattableString;
using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.Status;

/// <summary>Renders a report as text for the terminal.</summary>
/// <remarks>The layout follows that of <c>omdb nexus background-tasks show</c>.</remarks>
public static class RecoveryReportText
{
    /// <summary>Renders a report.</summary>
    /// <param name="report">The report to render.</param>
    /// <param name="now">The current time, from which ages such as "3s ago" are computed.</param>
    /// <returns>The text, with a line feed at the end of each line.</returns>
    public static string Render(RecoveryReport report, DateTimeOffset now)
    {
        var text = new StringBuilder();
        text.Append("task: \"saga_recovery\"\n");
        CoordinatorText.Append(text, report, now);
        text.Append(Invariant($"  configured period: every {Duration(report.Period)}\n"));
        if (report.Retention is { } retention)
        {
            text.Append(Invariant($"  retention: {RetentionReportText.Render(retention, now)}\n"));
        }

        text.Append(report.CurrentPass is { } current
            ? Invariant($"  currently executing: iter {current.Iteration}, triggered by {PassText.Describe(current.Reason)}, for {Duration(now - current.StartedAt)}\n")
            : "  currently executing: no\n");
        if (report.LastPass is not { } pass)
        {
            text.Append("  last completed activation: none yet\n");
            return text.ToString();
        }

        PassText.Append(text, report, pass, now);
        SagaTablesText.Append(text, report, now);
        return text.ToString();
    }
}
