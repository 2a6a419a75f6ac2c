using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Health;

/// <summary>Derives the health of recovery from a report, for a liveness and for a readiness probe. Pure.</summary>
internal static class RecoveryHealth
{
    /// <summary>
    /// A limit for one answer of the store. The driver ends a wait after its <c>Timeout</c> for each server and its <c>Command Timeout</c>: 75 s with its
    /// defaults and three servers.
    /// </summary>
    public static readonly TimeSpan LongestAnswerOfStore = TimeSpan.FromMinutes(3);

    /// <summary>
    /// The number of failed runs of retention in a row that is degraded. Never unhealthy: sagas run, nothing is lost, and a restart repairs no archive.
    /// </summary>
    private const int DegradedFailedRuns = 3;

    /// <summary>The length of the reason for which a store is incompatible. Its advice stands at its end.</summary>
    private const int LongestReason = 2_000;

    /// <summary>
    /// Evaluates if the loop moves. Nothing else counts: a restart brings back no database, and a fenced process that restarts would fence its
    /// successor in turn.
    /// </summary>
    /// <param name="report">The present report.</param>
    /// <param name="sinceProgress">The time since the last progress of the loop; null if it has not begun, or has stopped with its host.</param>
    /// <param name="hangLimit">The time after which the loop counts as hung.</param>
    public static HealthCheckResult EvaluateLiveness(RecoveryReport report, TimeSpan? sinceProgress, TimeSpan hangLimit)
    {
        if (sinceProgress is not { } silence)
        {
            return HealthCheckResult.Healthy("The recovery loop is not running: the host is starting or stopping.");
        }

        Dictionary<string, object> data = new(StringComparer.Ordinal) { ["secondsSinceProgress"] = (long)silence.TotalSeconds };
        string during = report.CurrentPass is { } pass ? $" in pass {pass.Iteration}" : "";
        return silence < hangLimit
            ? HealthCheckResult.Healthy("The recovery loop makes progress.", data)
            : HealthCheckResult.Unhealthy($"The recovery loop has made no progress for {PlainText.Duration(silence)}{during}. Restart this process.", exception: null, data);
    }

    /// <summary>Evaluates if this process can start sagas and recover them.</summary>
    /// <param name="report">The present report.</param>
    /// <param name="now">The present time, by the clock of the report.</param>
    /// <param name="outageLimit">The time for which passes may fail.</param>
    public static HealthCheckResult EvaluateReadiness(RecoveryReport report, DateTimeOffset now, TimeSpan outageLimit)
    {
        int failed = report.FailedInARow;
        TimeSpan failing = now - (report.FailingSince ?? now);
        (HealthStatus health, string description) = report switch
        {
            { Coordinator.Fenced: { } fenced } => (
                HealthStatus.Unhealthy, $"Fenced by incarnation {fenced.By}: a newer process has joined under this coordinator id. Stop this process."),
            { Coordinator.Incompatible: { } reason } => (HealthStatus.Unhealthy, $"Incompatible store: {PlainText.Clause(reason, LongestReason)}."),
            { Drain: { } drain } => (HealthStatus.Unhealthy, Describe(drain)),
            { Coordinator.Incarnation: null } => (
                HealthStatus.Unhealthy, failed == 0 ? "Not joined as a coordinator yet." : $"Not joined as a coordinator yet: {Cause(report)}."),
            _ when failing >= outageLimit => (HealthStatus.Unhealthy, $"Passes have failed for {PlainText.Duration(failing)}: {Cause(report)}."),
            _ when failed > 0 => (HealthStatus.Degraded, $"The last pass failed: {Cause(report)}."),
            { Heartbeat.LateSince: { } late } => (HealthStatus.Degraded, DescribeLate(report.Heartbeat, now - late)),
            { Heartbeat.ListenerError: { } missing } => (
                HealthStatus.Degraded, $"No listener connection: {PlainText.Clause(missing)}. {HeartbeatReport.WithoutListener}"),
            { Retention: { FailedInARow: >= DegradedFailedRuns, LastRun.Error: { } error } } => (
                HealthStatus.Degraded, $"The last {report.Retention.FailedInARow} runs of retention failed: {PlainText.Clause(error)}."),
            { Paused: { } pause } => (HealthStatus.Healthy, $"Paused by {OperatorActionText.By(pause.Note)}."),
            { LastPass: null } => (HealthStatus.Healthy, "Joined. No pass has ended yet."),
            { Problems: { Open: > 0 } problems } => (HealthStatus.Healthy, $"The last pass succeeded; {ProblemListText.Summarize(problems)}."),
            _ => (HealthStatus.Healthy, "The last pass succeeded."),
        };
        return new HealthCheckResult(health, description, data: DataOf(report, failed));
    }

    /// <summary>Describes a drain. The process is not ready, so that work goes elsewhere. It is live, since it must not be killed yet.</summary>
    private static string Describe(DrainReport drain) =>
        $"Draining, requested by {OperatorActionText.By(drain.Note)}. No new sagas start. "
        + drain.Phase switch
        {
            DrainPhase.WaitingForRuns => "Running sagas may finish.",
            DrainPhase.Reassigning => "The remaining sagas are being reassigned.",
            DrainPhase.Drained => "No sagas remain. The process can be stopped.",
            DrainPhase.Unanswered => "The database did not respond. Request the drain again.",
            _ => $"Unfinished sagas: {drain.Left}. They resume when this process starts again."
                + (drain.Paused.Count == 0 ? "" : $" Coordinators that took none because their recovery is paused: {drain.Paused.Count}."),
        };

    /// <summary>Describes late heartbeats. The process is degraded and stays ready: it runs sagas, and a pass that fails decides whether it is unready.</summary>
    private static string DescribeLate(HeartbeatReport heartbeat, TimeSpan silence)
    {
        string error = heartbeat.Error is { } last ? $": {PlainText.Clause(last)}" : "";
        return $"No heartbeat has been written for {PlainText.Duration(silence)}{error}. Other coordinators may take over the sagas of this process.";
    }

    private static string Cause(RecoveryReport report) => PlainText.Clause(report.LastPass?.Error ?? "");

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
            ["notLoaded"] = report.NotLoaded,
            ["held"] = report.HeldCount,
            ["lostByDatabase"] = report.Totals.Lost,
            ["stalled"] = report.Stalled?.Count ?? 0,
            ["orphans"] = report.Cluster?.Orphans.Count ?? 0,
            ["ownerDown"] = report.Cluster?.OwnerDown.Count ?? 0,
            ["stuck"] = report.Unresolved?.Stuck.Count ?? 0,
            ["abandoned"] = report.Unresolved?.Abandoned.Count ?? 0,
            ["openProblems"] = report.Problems?.Open ?? 0,
            ["draining"] = report.Drain is not null,
            ["heartbeatLate"] = report.Heartbeat?.LateSince is not null,
            ["listening"] = report.Heartbeat is { LastWritten: not null, ListenerError: null },
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

        if (report.LastPass?.Error is { } error)
        {
            data["error"] = PlainText.OneLine(error);
        }

        return data;
    }
}
