using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>Decides the verdict on a saga. Pure.</summary>
internal static class SagaVerdicts
{
    /// <summary>The time after which an explanation names the way out of an attempt that does not end.</summary>
    private static readonly TimeSpan s_longAttempt = TimeSpan.FromSeconds(30);

    /// <summary>The exceptions from the rule that the next pass resumes a saga.</summary>
    private const string UnlessItWaits = "unless it has to wait for a slot, or after a crash until other sagas have passed their probation";

    public static SagaExplanation Judge(SagaEvidence evidence)
    {
        SagaExplanation verdict = evidence.Row is { } row ? OfRow(evidence, row) : WithoutRow(evidence);
        return verdict with
        {
            Saga = evidence.Row?.Summary,
            Owner = evidence.Row?.Owner,
            Unwinding = evidence.ShownUnwinding,
            Run = verdict.Verdict is SagaVerdict.Finished or SagaVerdict.Stuck or SagaVerdict.Abandoned ? null : evidence.ShownRun,
            LastEvent = evidence.Row?.Events is [.., var last] ? $"{last.Node} {SagaNames.Of(last.Type)} at {PlainText.Time(last.Time)}" : null,
        };
    }

    /// <summary>Decides by the store alone, outside of any coordinator. Only the owner knows whether it runs the saga.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="row">The row in the store; null if there is none.</param>
    /// <param name="definitions">The definitions and the coordinators that can run them; null if they were not read.</param>
    public static SagaExplanation OfRowAlone(SagaId sagaId, SagaDetails? row, DefinitionList? definitions = null)
    {
        var evidence = new SagaEvidence(sagaId, row, new TrackedSagaInfo(), new CoordinatorStatus(default, Incarnation: null, Fenced: null), Paused: null);
        SagaExplanation verdict = Judge(evidence);
        return row switch
        {
            null => verdict with { Reason = "The store has no saga with this id." },
            { Summary.State: SagaState.Running or SagaState.Unwinding, Hold: { } hold } => verdict with
            {
                Verdict = SagaVerdict.Held,
                Reason = $"It is held ({By(hold.Note)}), which {(hold.StopsRun ? "stops a run at the next step boundary" : "does not stop a run")}. {verdict.Reason}",
                Advice = $"Release it. The next pass of its owner then resumes it, {UnlessItWaits}.",
                Since = hold.Since,
            },
            { Summary.State: SagaState.Running or SagaState.Unwinding, Owner.Paused: { } pause } => verdict with
            {
                Verdict = SagaVerdict.Paused,
                Reason = row.Owner.Answers ? verdict.Reason : $"Recovery of its owner is paused ({By(pause.Note)}), which does not stop a run. {verdict.Reason}",
                Advice = "Resume recovery.",
                Since = pause.Since,
            },
            { Owner: { MayTake: true } owner } when RunnersOf(row, definitions) is { } runners && !runners.Contains(owner.Id) =>
                verdict with
                {
                    Verdict = SagaVerdict.UnknownDefinition,
                    Reason = $"Its owner, coordinator {owner.Id} ({owner.Host}), cannot run it: it has no definition '{row.Summary.Name}' version {row.Version} of this shape.",
                    Advice = runners.Count == 0
                        ? "Deploy a binary that has this definition: no process that answers has it."
                        : $"Deploy a binary that has this definition, or reassign the saga to a coordinator that has it: {string.Join(", ", runners)}.",
                },
            _ => verdict,
        };
    }

    /// <summary>Returns the coordinators that can run an unfinished saga; null if that is not known.</summary>
    private static HashSet<CoordinatorId>? RunnersOf(SagaDetails row, DefinitionList? definitions) =>
        row.Summary.State is SagaState.Running or SagaState.Unwinding
        && definitions?.Definitions.FirstOrDefault(one => one.Hash == row.DefinitionHash) is { } definition
            ? [.. definition.RunBy, .. definitions.RunAny]
            : null;

    private static SagaExplanation WithoutRow(SagaEvidence evidence) => evidence.Known.Run is null
        ? Verdict(evidence, SagaVerdict.Unknown,
            "The store has no saga with this id, and this process is not starting one.",
            "Check the id and the database of this process.")
        : Verdict(evidence, SagaVerdict.Starting, "This process has announced it, and the store does not have its row yet.", "");

    private static SagaExplanation OfRow(SagaEvidence evidence, SagaDetails row) => row.Summary.State switch
    {
        SagaState.Succeeded => Verdict(evidence, SagaVerdict.Finished, "It has succeeded.", ""),
        SagaState.Unwound => Verdict(evidence, SagaVerdict.Finished, Unwound(evidence, row), ""),
        SagaState.Stuck => Stuck(evidence, row),
        SagaState.Abandoned => Abandoned(evidence, row.Abandonment),
        SagaState.Unknown => Verdict(evidence, SagaVerdict.Unreadable,
            $"Its row cannot be read: {row.Summary.Unreadable}.", "Ask a process of the version that wrote the row, or fix the row."),
        _ => InProgress(evidence, row),
    };

    private static string Unwound(SagaEvidence evidence, SagaDetails row)
    {
        string[] exceptions =
        [
            .. row.Events.Where(StuckSagaRules.IsSkippedUndo).Select(undo => $" The undo of '{undo.Node}' was skipped: an operator had done it manually."),
            .. row.Events.Where(StuckSagaRules.IsInjected)
                .Where(failed => !row.Events.Any(other => other.NodeId == failed.NodeId && other.Type == NodeEventType.UndoFinished))
                .Select(failed => $" An operator failed the action of '{failed.Node}', and no undo of it has run."),
        ];
        return $"{SentenceOf(CauseOf(evidence.ShownUnwinding))}, and everything {(exceptions.Length == 0 ? "" : "else ")}was undone.{string.Concat(exceptions)}";
    }

    private static SagaExplanation Stuck(SagaEvidence evidence, SagaDetails row)
    {
        SagaUnwinding? unwinding = evidence.ShownUnwinding;
        LoggedEvent[] failed = [.. StuckSagaRules.FailedUndos(row)];
        string undos = string.Concat(failed.Select(undo => $" The undo of '{undo.Node}' failed with {evidence.Show(StuckSagaRules.ErrorOf(undo), undo.Node).TrimEnd('.')}."));
        string retry = $"Fix the cause and run the failed undo again: sagas retry-undo {row.Summary.Id}.";
        string skips = string.Join(", ", failed.Select(undo => $"sagas skip-undo {row.Summary.Id} {Argument(undo.Node)}"));
        return Verdict(evidence, SagaVerdict.Stuck,
            $"{SentenceOf(CauseOf(unwinding))}, and then an undo: it is partly undone{(unwinding is { ToUndo: > 0 } ? $" ({ProgressOf(unwinding)})" : "")}.{undos}",
            skips.Length == 0 ? retry : $"{retry} Or undo the effect manually and skip the undo: {skips}.") with
        {
            Since = failed is [.., var last] ? last.Time : null,
        };
    }

    /// <summary>Quotes a text as one argument of a shell command, if it needs quotes.</summary>
    private static string Argument(string text) =>
        text.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.')
            ? text
            : $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    /// <summary>Returns the cause of an unwinding as a clause: the cancellation, or the action that failed with its error.</summary>
    /// <param name="unwinding">The unwinding.</param>
    /// <param name="time">The time of the cause as <c> at …</c>; empty to leave it out.</param>
    private static string CauseOf(SagaUnwinding? unwinding, string time = "") => unwinding switch
    {
        { CancelledBy: { } note } => $"it was cancelled{time} ({By(note)})",
        { Node: { } node, Error: { } error } => $"the action of '{node}' failed{time} with {error.TrimEnd('.')}",
        { Node: { } node } => $"the action of '{node}' failed{time}",
        _ => "an action failed",
    };

    private static string ProgressOf(SagaUnwinding unwinding) => $"{unwinding.Undone} of {PlainText.Count(unwinding.ToUndo, "node")}";

    private static string SentenceOf(string clause) => $"{char.ToUpperInvariant(clause[0])}{clause.AsSpan(1)}";

    private static SagaExplanation Abandoned(SagaEvidence evidence, AbandonmentDetails? abandonment) =>
        Verdict(evidence, SagaVerdict.Abandoned, $"It was abandoned ({abandonment?.Reason}): {evidence.Show(abandonment?.Comment ?? "")}", "Clean up manually.") with
        {
            Since = abandonment?.Time,
        };

    private static SagaExplanation InProgress(SagaEvidence evidence, SagaDetails row)
    {
        SagaExplanation verdict = ByOwner(evidence, row);
        return (evidence.ShownUnwinding, row.Cancellation) switch
        {
            ({ } unwinding, _) => verdict with
            {
                Since = verdict.Verdict is SagaVerdict.UnwindingHere ? unwinding.Since ?? verdict.Since : verdict.Since,
                Reason = $"It unwinds: {CauseOf(unwinding, unwinding.Since is { } since ? $" at {PlainText.Time(since)}" : "")}."
                    + $"{(unwinding.ToUndo > 0 ? $" Undone: {ProgressOf(unwinding)}." : "")} {verdict.Reason}",
            },
            (null, { } cancellation) => verdict with { Reason = $"{verdict.Reason.TrimEnd('.')}. It was cancelled ({By(cancellation.Note)})." },
            _ => verdict,
        };
    }

    private static SagaExplanation ByOwner(SagaEvidence evidence, SagaDetails row)
    {
        if (row.Summary.Owner != evidence.Us.Id)
        {
            return NotOwned(evidence, row);
        }

        if (evidence.Us.Fenced is { } fenced)
        {
            return Verdict(evidence, SagaVerdict.Fenced,
                $"This process is fenced: incarnation {fenced.By} of its coordinator has replaced it.",
                "Stop this process. Ask the process that joined last, or start one.") with
            {
                Since = fenced.At,
            };
        }

        return evidence.Known.Run is { } run ? Running(evidence, row, run) : Idle(evidence, row);
    }

    private static SagaExplanation NotOwned(SagaEvidence evidence, SagaDetails row)
    {
        (string because, string advice) = row switch
        {
            { Summary.Owner: null } => ("It is unowned.", "Reassign the unowned sagas: coordinators reassign unowned."),
            { Owner: null, Summary.Owner: { } unknown } => (
                $"Coordinator {unknown} owns it at generation {row.Summary.Generation}, and has never joined.",
                $"Start that coordinator, or reassign its sagas: coordinators reassign {unknown}."),
            { Owner: { } owner } => (
                $"Coordinator {owner.Id} owns it at generation {row.Summary.Generation}: {owner.Host}, process {owner.ProcessId}, {StateOf(owner)}.",
                AdviceFor(owner)),
        };
        return row.Owner is { Answers: true, Paused: { } pause } paused && !MayRun(row, paused, pause)
            ? Verdict(evidence, SagaVerdict.HeldByPausedNode,
                $"{because} Recovery of that coordinator is paused ({By(pause.Note)}), and it has got the saga, or was started, after the pause began: it does not run it.",
                $"End the pause of that coordinator (resume), or reassign its sagas: coordinators reassign {paused.Id} --even-if-owner-answers.") with
            {
                Since = pause.Since,
            }
            : Verdict(evidence, SagaVerdict.NotOwned, because, advice);
    }

    /// <summary>
    /// Returns false if the paused owner cannot run a saga: its present process has neither started it nor could resume it before the pause. All times
    /// are of the store's clock.
    /// </summary>
    private static bool MayRun(SagaDetails row, CoordinatorDetails owner, RecoveryPause pause) =>
        (row.Creator == owner.Id && row.Summary.Generation == AdoptGeneration.Initial && row.Summary.TimeCreated >= owner.TimeJoined)
        || (owner.TimeJoined < pause.Since && row.TimeAdopted < pause.Since);

    private static string StateOf(CoordinatorDetails owner) => owner switch
    {
        { Answers: true, State: CoordinatorState.Draining } =>
            "which answers and is draining: it starts no new sagas, and reassigns those that it does not finish",
        { Answers: true, Paused: { } pause } => $"which answers; its recovery is paused ({By(pause.Note)}), which does not stop a run",
        { Answers: true } => "which answers",
        { HasShutDown: true } => $"which was shut down (last seen {PlainText.Duration(owner.Silence)} ago)",
        { State: CoordinatorState.Down } =>
            $"which does not answer (last seen {PlainText.Duration(owner.Silence)} ago) "
            + "and was taken over from; it keeps the sagas that no other coordinator could run",
        _ => $"which does not answer (last seen {PlainText.Duration(owner.Silence)} ago)",
    };

    private static string AdviceFor(CoordinatorDetails owner) => owner switch
    {
        { Answers: true, State: CoordinatorState.Draining } =>
            $"Wait until its drain has ended. Then reassign what is left: "
            + $"coordinators reassign {owner.Id} --even-if-owner-answers.",
        { Answers: true } => "Ask that process.",
        { HasShutDown: false, State: CoordinatorState.Down } =>
            $"Start a coordinator that has its definition, and then reassign what is left: coordinators reassign {owner.Id}.",
        _ => $"Start that coordinator again, or reassign its sagas: coordinators reassign {owner.Id}.",
    };

    private static SagaExplanation Running(SagaEvidence evidence, SagaDetails row, TrackedRunInfo run)
    {
        if (run.Generation != row.Summary.Generation)
        {
            return Verdict(evidence, SagaVerdict.OutOfDate,
                $"This process runs it at generation {run.Generation}, but it is at generation {row.Summary.Generation} now.",
                "Activate a pass, which ends that run, and resumes it at the new generation unless it is held.");
        }

        string held = row.Hold is not { } hold ? ""
            : hold.StopsRun ? $" It is held ({By(hold.Note)}): its run stops once the steps in flight have ended."
            : $" It is held ({By(hold.Note)}), which does not stop a run.";
        DateTimeOffset since = run.RecoveredAt ?? row.Summary.TimeCreated;
        if (evidence.Run is { Phase: RunPhase.WaitingForSlot } queued)
        {
            return WaitingForSlot(
                evidence,
                "This process has accepted it",
                new SlotLimit(queued.Limit ?? "", queued.LongestRunning) { Slots = queued.Slots },
                held) with { Since = since };
        }

        if (evidence.Run is { Phase: RunPhase.WaitingForPreviousRun })
        {
            return Verdict(evidence, SagaVerdict.WaitingForPreviousRun,
                $"This process has accepted it, and it waits until its previous run in this process has ended: a step of that run has not ended yet.{held}",
                "Wait until that step ends. If it does not end, end it by inject-error or skip-undo, or restart this process.") with { Since = since };
        }

        (SagaVerdict here, string does) = row.Summary.State is SagaState.Unwinding ? (SagaVerdict.UnwindingHere, "undoes") : (SagaVerdict.RunningHere, "runs");
        return run.Origin switch
        {
            RunOrigin.Announced => Verdict(evidence, SagaVerdict.Starting,
                "This process is starting it, and the store has its row.",
                "") with { Since = row.Summary.TimeCreated },
            RunOrigin.Started => Verdict(evidence, here, $"This process started it and {does} it.{held}", AdviceFor(evidence)) with { Since = row.Summary.TimeCreated },
            _ => Verdict(evidence, here, $"Recovery resumed it in this process, which {does} it.{held}", AdviceFor(evidence)) with { Since = run.RecoveredAt },
        };
    }

    private static SagaExplanation WaitingForSlot(SagaEvidence evidence, string found, SlotLimit? limit, string more)
    {
        string use = limit?.Slots is { } slots ? slots.Describe() : "all are in use";
        string setting = limit is { Setting: { Length: > 0 } name } ? $" The limit is {name}." : "";
        string longest = limit?.LongestRunning is { } saga ? $" Saga {saga} has had its slot longest." : "";
        return Verdict(evidence, SagaVerdict.WaitingForSlot,
            $"{found}, and it waits for a slot: {use}.{setting}{longest}{more}",
            "Wait for its turn. Raise the limit if sagas wait for long and the service has capacity."
                + (limit?.LongestRunning is null ? "" : $" See what holds the slots: explain {limit.LongestRunning}.")) with { Slots = limit?.Slots };
    }

    /// <summary>Returns the way out of a step that is retried or takes long, in case it cannot succeed.</summary>
    private static string AdviceFor(SagaEvidence evidence)
    {
        IReadOnlyList<StepInProgress> steps = evidence.Run?.Steps ?? [];
        StepInProgress? retried = steps.FirstOrDefault(step => step.IsRetrying);
        string fails = retried is null ? "does not end" : "cannot succeed";
        return (retried ?? steps.FirstOrDefault(step => evidence.Now - step.AttemptSince > s_longAttempt)) switch
        {
            null => "",
            { IsUndo: true } undo => $"If the undo of '{undo.Node}' {fails}, undo its effect manually and skip the undo: "
                + $"sagas skip-undo {evidence.SagaId} {Argument(undo.Node)}.",
            { } action => $"If the action of '{action.Node}' {fails}, fail it, and the saga unwinds: "
                + $"sagas inject-error {evidence.SagaId} {Argument(action.Node)}.",
        };
    }

    private static SagaExplanation Idle(SagaEvidence evidence, SagaDetails row)
    {
        if (row.Hold is { } hold)
        {
            return Verdict(evidence, SagaVerdict.Held,
                $"It is held: {By(hold.Note)}",
                $"Release it. The next pass of its owner then resumes it, {UnlessItWaits}.") with { Since = hold.Since };
        }

        if (evidence.Paused is { } pause)
        {
            return Verdict(evidence, SagaVerdict.Paused, $"Recovery is paused: {By(pause.Note)}", "Resume recovery.") with { Since = pause.Since };
        }

        return evidence.Known switch
        {
            { Slot: { } slot } => WaitingForSlot(
                evidence,
                "Recovery has found it",
                evidence.SlotLimit,
                $" {PlainText.Count(slot.Waiting, "saga")} of its definition {(slot.Waiting == 1 ? "waits" : "wait")}, and each is loaded when its turn comes.") with { Since = Later(slot.Since, evidence.Row?.Summary.TimeCreated) },
            { Waiting: { } waiting } => Waiting(evidence, waiting),
            { IsSuspect: true } => Verdict(evidence, SagaVerdict.Deferred,
                "It was in flight when the previous process ended without a shutdown. Recovery resumes such sagas last, in small groups, each "
                    + "after the previous group has passed its probation.",
                "Wait for its turn. Hold it if you know that it crashes the process."),
            _ => Verdict(evidence, SagaVerdict.ToBeRecovered,
                "This coordinator owns it, it is in progress, and no process runs it. No pass has reached it yet.",
                $"Activate a pass, or wait for the next one. That pass resumes it, {UnlessItWaits}."),
        };
    }

    /// <summary>Returns the later of two times: sagas wait since their definition began to wait, but not since before they existed.</summary>
    private static DateTimeOffset Later(DateTimeOffset since, DateTimeOffset? created) => created > since ? created.Value : since;

    private static SagaExplanation Waiting(SagaEvidence evidence, WaitingSaga found)
    {
        WaitingSaga waiting = found with { Reason = evidence.Show(found.Reason) };
        SagaExplanation verdict = waiting.Kind switch
        {
            WaitingKind.UnknownDefinition => Verdict(evidence, SagaVerdict.UnknownDefinition,
                $"This binary cannot run it: {waiting.Reason}",
                "Deploy a binary that has this definition. Its first pass resumes the saga, or lets it wait for a slot if other sagas have all of them."),
            WaitingKind.Unreadable => Verdict(evidence, SagaVerdict.Unreadable,
                $"Its row cannot be read: {waiting.Reason}",
                "Fix the row. Every pass tries the saga again."),
            _ => Verdict(evidence, SagaVerdict.BackingOff,
                $"It failed to resume, or its run was interrupted, {PlainText.Count(waiting.Failures, "time")} in a row: {waiting.Reason}",
                "Fix the cause. Retry it to skip the delay."),
        };
        return verdict with { Since = waiting.Since, NextTry = waiting.NextTry, Failures = waiting.Failures, Error = waiting.Reason };
    }

    private static SagaExplanation Verdict(SagaEvidence evidence, SagaVerdict verdict, string because, string advice) =>
        new(evidence.SagaId, verdict, because, advice);

    private static string By(OperatorNote note) => $"{note.Actor}: {note.Reason}";
}
