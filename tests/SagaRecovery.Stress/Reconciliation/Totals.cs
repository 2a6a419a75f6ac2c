using System.Globalization;
using System.Text.Json;

namespace SagaRecovery.Stress.Reconciliation;

/// <summary>Compares the status of a process with its log. Pure.</summary>
internal static class Totals
{
    private static readonly (string Total, LogEventId Line)[] Pairs =
    [
        ("passes", LogEventId.PassComplete),
        ("failedPasses", LogEventId.PassFailed),
        ("observedStarts", LogEventId.ObservedStart),
        ("inferredFinished", LogEventId.Finished),
        ("badStateInExecutor", LogEventId.Reassigned),
        ("abandoned", LogEventId.Abandoned),
        ("protocolViolations", LogEventId.ProtocolViolation),
    ];

    private static readonly string[] Buckets =
        ["recovered", "failed", "skipped", "unknownDefinition", "abandoned", "superseded", "notAttempted", "backingOff", "held", "paused", "deferred", "waitingForSlot", "unreadable"];

    /// <summary>Compares the totals as of a pass with the lines up to the one that ends it.</summary>
    /// <returns>The differences, a line each; null: the process ended before it had written that line.</returns>
    public static IReadOnlyList<string>? Differ(JsonElement status, ProcessLog log)
    {
        JsonElement lastPass = status.GetProperty("lastPass");
        if (lastPass.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        long iteration = lastPass.GetProperty("start").GetProperty("iteration").GetInt64();
        int end = LineThatEnds(iteration, log);
        if (end < 0)
        {
            return null;
        }

        JsonElement totals = status.GetProperty("totals");
        return
        [
            .. Pairs.Select(pair => (pair.Total, Log: (long)log.Count(pair.Line, end + 1)))
                .Concat((IEnumerable<(string Total, long Log)>)
                [
                    (Total: "recovered", Log: log.Count(LogEventId.Recovered, end + 1) - log.Count(LogEventId.TakenBack, end + 1)),
                    (Total: "failed", Log: log.Count(LogEventId.FailedToRecover, end + 1) + log.Count(LogEventId.Interrupted, end + 1)),
                    (Total: "missingFromExecutor", Log: log.Count(LogEventId.Interrupted, end + 1) + log.Count(LogEventId.StoppedOnRequest, end + 1)),
                ])
                .Select(pair => (pair.Total, Status: totals.GetProperty(pair.Total).GetInt64(), pair.Log))
                .Where(pair => pair.Status != pair.Log)
                .Select(pair => $"incarnation {log.Incarnation}: the status reports {pair.Total} {pair.Status}, the log {pair.Log}, as of pass {iteration}"),
            .. Unaccounted(lastPass),
        ];
    }

    /// <summary>Checks that a pass accounts for every saga that it found.</summary>
    public static IReadOnlyList<string> Unaccounted(JsonElement pass)
    {
        long found = pass.GetProperty("found").GetInt64();
        long accounted = Buckets.Sum(bucket => pass.GetProperty(bucket).GetInt64());
        return found == accounted
            ? []
            : [$"pass {pass.GetProperty("start").GetProperty("iteration").GetInt64()} found {found} sagas and accounts for {accounted}"];
    }

    private static int LineThatEnds(long iteration, ProcessLog log)
    {
        string begins = string.Create(CultureInfo.InvariantCulture, $"activation ended: pass {iteration} ");
        for (int i = 0; i < log.Lines.Count; i++)
        {
            if (log.Lines[i] is { Id: LogEventId.PassComplete, Message: { } message } && message.StartsWith(begins, StringComparison.Ordinal))
            {
                return i;
            }
        }

        return -1;
    }
}
