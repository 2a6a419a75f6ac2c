using System.Text;
using static System.FormattableString;
using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.Status;

/// <summary>Renders the state of the coordinator and of the whole store: the first lines of a report, where trouble is written in capitals.</summary>
internal static class CoordinatorText
{
    public static void Append(StringBuilder text, RecoveryReport report, DateTimeOffset now)
    {
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
            text.Append(Invariant($"  REJOINED {Count(coordinator.Rejoins, "time")}: the database was failed over, restored, recreated or restarted.\n"));
        }

        if (coordinator.Fenced is { } fenced)
        {
            text.Append(Invariant($"  FENCED by incarnation {fenced.By} {Duration(now - fenced.At)} ago: a newer process has joined under this coordinator id. "));
            text.Append("This process has stopped its sagas and accepts no new work. Stop it.\n");
        }
    }

    private static void AppendHeartbeat(StringBuilder text, HeartbeatReport? heartbeat, DateTimeOffset now)
    {
        if (heartbeat?.LateSince is { } since)
        {
            string error = heartbeat.Error is { } last ? $": {Clause(last)}" : "";
            text.Append(Invariant($"  HEARTBEAT LATE: none written for {Duration(now - since)}{error}. Other coordinators may take over the sagas of this process.\n"));
        }

        if (heartbeat?.ListenerError is { } reason)
        {
            text.Append(Invariant($"  NO LISTENER CONNECTION: {Clause(reason)}. {HeartbeatReport.WithoutListener}\n"));
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
            text.Append(Invariant($"  PAUSED {Duration(now - pause.Since)} ago by {OperatorActionText.By(pause.Note)}. No saga is recovered until recovery is resumed.\n"));
        }
    }

    private static void AppendDrain(StringBuilder text, DrainReport? drain, DateTimeOffset now)
    {
        if (drain is null)
        {
            return;
        }

        text.Append(Invariant($"  DRAINING for {Duration(now - drain.Since)}, requested by {OperatorActionText.By(drain.Note)}. No new sagas start. "));
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

}
