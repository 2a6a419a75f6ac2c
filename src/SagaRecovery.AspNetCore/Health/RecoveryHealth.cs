using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Health;

/// <summary>Judges a report. Pure.</summary>
internal static class RecoveryHealth
{
    /// <summary>One failed pass may be a database that is being restarted; so many in a row are not.</summary>
    private const int FailedPassesOfTheUnhealthy = 3;

    public static HealthCheckResult Of(RecoveryReport report, HealthStatus unhealthy)
    {
        int failed = report.FailedInARow;
        (HealthStatus health, string description) = report switch
        {
            { Coordinator.Fenced: { } fenced } => (unhealthy, $"Fenced by incarnation {fenced.By}: another join has taken the place of this process. End it."),
            _ when failed >= FailedPassesOfTheUnhealthy => (unhealthy, $"The last {failed} passes failed: {ErrorOf(report)}"),
            _ when failed > 0 => (HealthStatus.Degraded, $"The last pass failed: {ErrorOf(report)}"),
            { Drain: { } drain } => (HealthStatus.Degraded, Of(drain)),
            { Coordinator.Incarnation: null } => (HealthStatus.Degraded, "Not joined as the coordinator yet."),
            { Paused: { } pause } => (HealthStatus.Healthy, $"Paused by {PlainText.OneLine(pause.Note.Actor)}: {PlainText.OneLine(pause.Note.Reason)}"),
            { LastPass: null } => (HealthStatus.Healthy, "Joined; no pass has ended yet."),
            _ => (HealthStatus.Healthy, "The last pass succeeded."),
        };
        return new HealthCheckResult(health, description, data: DataOf(report, failed));
    }

    /// <summary>Degraded, since it starts no sagas: whoever sends it work should send it elsewhere. Not unhealthy: it must not be killed yet.</summary>
    private static string Of(DrainReport drain) =>
        $"Draining, asked for by {PlainText.OneLine(drain.Note.Actor)}: {PlainText.OneLine(drain.Note.Reason)}. It starts no new sagas; "
        + drain.Phase switch
        {
            DrainPhase.WaitingForRuns => "those that run may finish.",
            DrainPhase.Reassigning => "the rest is being given to others.",
            DrainPhase.Drained => "nothing is left: it can be ended.",
            DrainPhase.Unanswered => "the database did not answer: ask for it again.",
            _ => $"{drain.Left} are left, which go on at its next start.",
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
            ["held"] = report.HeldCount,
            ["lostByDatabase"] = report.Totals.Lost,
            ["stalled"] = report.Stalled?.Count ?? 0,
            ["orphans"] = report.Cluster?.Orphans.Count ?? 0,
            ["stranded"] = report.Cluster?.OwnerDown.Count ?? 0,
            ["draining"] = report.Drain is not null,
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
