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
            { Coordinator.Fenced: { } fenced } => (unhealthy, $"Fenced by incarnation {fenced.By}: a newer process runs under this coordinator id. End this one."),
            _ when failed >= FailedPassesOfTheUnhealthy => (unhealthy, $"The last {failed} passes failed: {ErrorOf(report)}"),
            _ when failed > 0 => (HealthStatus.Degraded, $"The last pass failed: {ErrorOf(report)}"),
            { Coordinator.Incarnation: null } => (HealthStatus.Degraded, "Not joined as the coordinator yet."),
            { Paused: { } pause } => (HealthStatus.Healthy, $"Paused by {PlainText.OneLine(pause.Note.Actor)}: {PlainText.OneLine(pause.Note.Reason)}"),
            { LastPass: null } => (HealthStatus.Healthy, "Joined; no pass has ended yet."),
            _ => (HealthStatus.Healthy, "The last pass succeeded."),
        };
        return new HealthCheckResult(health, description, data: DataOf(report, failed));
    }

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
            ["notProgressing"] = report.NotProgressing?.Count ?? 0,
        };
        if (report.Coordinator.Incarnation is { } incarnation)
        {
            data["incarnation"] = incarnation.Value;
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
