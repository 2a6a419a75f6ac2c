using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Health;

/// <summary>Derives the health of recovery from a report.</summary>
internal static class RecoveryHealth
{
    /// <summary>The number of failed passes in a row that is unhealthy. A single failed pass may be a restart of the database.</summary>
    private const int UnhealthyFailedPasses = 3;

    /// <summary>
    /// The number of failed runs of retention in a row that is degraded. Never unhealthy: sagas run, nothing is lost, and a restart repairs no archive.
    /// </summary>
    private const int DegradedFailedRuns = 3;

    /// <summary>The length of the reason for which a store is incompatible. Its advice stands at its end.</summary>
    private const int LongestReason = 2_000;

    public static HealthCheckResult Evaluate(RecoveryReport report, HealthStatus unhealthy)
    {
        int failed = report.FailedInARow;
        (HealthStatus health, string description) = report switch
        {
            { Coordinator.Fenced: { } fenced } => (
                unhealthy, $"Fenced by incarnation {fenced.By}: a newer process has joined under this coordinator id. Stop this process."),
            { Coordinator.Incompatible: { } reason } => (unhealthy, PlainText.OneLine(reason, LongestReason)),
            _ when failed >= UnhealthyFailedPasses => (unhealthy, $"The last {failed} passes failed: {ErrorOf(report)}"),
            _ when failed > 0 => (HealthStatus.Degraded, $"The last pass failed: {ErrorOf(report)}"),
            { Drain: { } drain } => (HealthStatus.Degraded, Describe(drain)),
            { Coordinator.Incarnation: null } => (HealthStatus.Degraded, "Not joined as a coordinator yet."),
            { Retention: { FailedInARow: >= DegradedFailedRuns, LastRun.Error: { } error } } => (
                HealthStatus.Degraded, $"The last {report.Retention.FailedInARow} runs of retention failed: {PlainText.OneLine(error)}"),
            { Paused: { } pause } => (HealthStatus.Healthy, $"Paused by {PlainText.OneLine(pause.Note.Actor)}: {PlainText.OneLine(pause.Note.Reason)}"),
            { LastPass: null } => (HealthStatus.Healthy, "Joined. No pass has ended yet."),
            _ => (HealthStatus.Healthy, "The last pass succeeded."),
        };
        return new HealthCheckResult(health, description, data: DataOf(report, failed));
    }

    /// <summary>Describes a drain. A drain is degraded, so that work goes elsewhere, and not unhealthy, since the process must not be killed yet.</summary>
    private static string Describe(DrainReport drain) =>
        $"Draining, requested by {PlainText.OneLine(drain.Note.Actor)}: {PlainText.OneLine(drain.Note.Reason)}. No new sagas start. "
        + drain.Phase switch
        {
            DrainPhase.WaitingForRuns => "Running sagas may finish.",
            DrainPhase.Reassigning => "The remaining sagas are being reassigned.",
            DrainPhase.Drained => "No sagas remain. The process can be stopped.",
            DrainPhase.Unanswered => "The database did not respond. Request the drain again.",
            _ => $"Unfinished sagas: {drain.Left}. They resume when this process starts again.",
        };

    private static string ErrorOf(RecoveryReport report) => PlainText.OneLine(report.LastPass?.Error ?? "");

    private static Dictionary<string, object> DataOf(RecoveryReport report, int failed)
    {
        var data = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["coordinator"] = report.Coordinator.Id.ToString(),
            ["paused"] = report.Paused is not null,
            ["failedPassesInARow"] = failed,
            ["tracked"] = report.Tracked,
            ["waiting"] = report.WaitingCount,
            ["waitingForSlot"] = report.WaitingForSlot,
            ["held"] = report.HeldCount,
            ["lostByDatabase"] = report.Totals.Lost,
            ["stalled"] = report.Stalled?.Count ?? 0,
            ["orphans"] = report.Cluster?.Orphans.Count ?? 0,
            ["ownerDown"] = report.Cluster?.OwnerDown.Count ?? 0,
            ["draining"] = report.Drain is not null,
            ["failedRetentionRunsInARow"] = report.Retention?.FailedInARow ?? 0,
        };
        if (report.Coordinator.Incarnation is { } incarnation)
        {
            data["incarnation"] = incarnation.Value;
        }

        if (report.Drain is { } drain)
        {
            data["drain"] = drain.Phase.ToString();
            data["drainReassigned"] = drain.Reassigned;
            data["drainLeft"] = drain.Left;
        }

        if (report.LastPass is { } pass)
        {
            data["lastPass"] = pass.Result.ToString();
            data["lastPassStartedAt"] = PlainText.PreciseTime(pass.Start.StartedAt);
        }

        if (report.LastPass?.Error is not null)
        {
            data["error"] = ErrorOf(report);
        }

        return data;
    }
}
