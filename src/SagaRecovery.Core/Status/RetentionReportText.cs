using System.Globalization;
using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.Status;

/// <summary>Renders the state of retention as one line of text.</summary>
internal static class RetentionReportText
{
    public static string Render(RetentionReport report, DateTimeOffset now)
    {
        if (report.Policy is not { } policy)
        {
            return $"off, {Ended(report)}";
        }

        string archive = report.Archives ? ", exported before" : "";
        return $"{OneLine(policy)}{archive}; {Ended(report)}; {Last(report, now)}{Next(report, now)}";
    }

    private static string Ended(RetentionReport report)
    {
        string oldest = report.Oldest is { } time ? $", the oldest saga started at {Time(time)}" : "";
        return report.EndedAbout is { } about
            ? $"about {Count(about, "ended saga")}{oldest}"
            : $"number of ended sagas not known yet{oldest}";
    }

    private static string Last(RetentionReport report, DateTimeOffset now)
    {
        if (report.LastRun is not { } run)
        {
            return "no run yet";
        }

        string last = $"last run {Duration(now - run.StartedAt)} ago";
        return run switch
        {
            { Error: { } error } => string.Create(
                CultureInfo.InvariantCulture, $"{last} FAILED ({Count(report.FailedInARow, "time")} in a row), deleted {run.Deleted:N0}: {OneLine(error)}"),
            { Elsewhere: true } => string.Create(CultureInfo.InvariantCulture, $"{last}, deleted {run.Deleted:N0}, then left to another process"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{last}, deleted {run.Deleted:N0}{(report.Archives ? $", exported {run.Archived:N0}" : "")}"),
        };
    }

    private static string Next(RetentionReport report, DateTimeOffset now) =>
        report.RunningSince is { } began ? $"; running for {Duration(now - began)}"
        : report.NextRun is { } next ? $"; next {(next <= now ? "now" : $"in {Duration(next - now)}")}"
        : "";
}
