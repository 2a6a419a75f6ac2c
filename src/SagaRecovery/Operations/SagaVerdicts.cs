using SagaRecovery.Bookkeeping;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>What a verdict is judged on. The row was read before the tracker was asked, so a start in between is not taken for a stranger.</summary>
/// <param name="SagaId">Which saga.</param>
/// <param name="Row">What the store has of it; null: nothing.</param>
/// <param name="Known">What this process knows of it.</param>
/// <param name="Us">Who this process is.</param>
/// <param name="Paused">Whether its recovery is paused.</param>
internal sealed record SagaEvidence(SagaId SagaId, SagaDetails? Row, TrackedSagaInfo Known, CoordinatorStatus Us, RecoveryPause? Paused);

/// <summary>Judges where a saga stands. Pure.</summary>
internal static class SagaVerdicts
{
    public static SagaExplanation Judge(SagaEvidence evidence)
    {
        SagaExplanation verdict = evidence.Row is { } row ? OfRow(evidence, row) : WithoutRow(evidence);
        return verdict with
        {
            Saga = evidence.Row?.Summary,
            Owner = evidence.Row?.Owner,
            LastEvent = evidence.Row?.Events is [.., var last] ? $"{last.Node} {SagaNames.Of(last.Type)} at {PlainText.Time(last.Time)}" : null,
        };
    }

    /// <summary>Judges by the row alone, from outside any process: whether its owner runs it, only the owner can tell.</summary>
    /// <param name="sagaId">Which saga.</param>
    /// <param name="row">What the store has of it; null: nothing.</param>
    public static SagaExplanation OfRowAlone(SagaId sagaId, SagaDetails? row)
    {
        var evidence = new SagaEvidence(sagaId, row, new TrackedSagaInfo(), new CoordinatorStatus(default, Incarnation: null, Fenced: null), Paused: null);
        SagaExplanation verdict = Judge(evidence);
        return row switch
        {
            null => verdict with { Because = "No such saga is in the store." },
            { Summary.State: SagaState.Running or SagaState.Unwinding, Hold: { } hold } => verdict with
            {
                Verdict = SagaVerdict.Held,
                Because = $"It is held, which does not stop a run: {By(hold.Note)}. {verdict.Because}",
                ToDo = "Release it, and its owner's next pass recovers it.",
                Since = hold.Since,
            },
            { Summary.State: SagaState.Running or SagaState.Unwinding, Owner.Paused: { } pause } => verdict with
            {
                Verdict = SagaVerdict.Paused,
                Because = $"Its owner's recovery is paused, which does not stop a run: {By(pause.Note)}. {verdict.Because}",
                ToDo = "Resume recovery.",
                Since = pause.Since,
            },
            _ => verdict,
        };
    }

    private static SagaExplanation WithoutRow(SagaEvidence evidence) => evidence.Known.Run is null
        ? Verdict(evidence, SagaVerdict.Unknown, "No such saga is in the store, and this process is not starting one.", "Check the id, and which database this process uses.")
        : Verdict(evidence, SagaVerdict.Starting, "This process has announced it; its row is not in the store yet.", "");

    private static SagaExplanation OfRow(SagaEvidence evidence, SagaDetails row) => row.Summary.State switch
    {
        SagaState.Succeeded => Verdict(evidence, SagaVerdict.Finished, "It has succeeded.", ""),
        SagaState.Unwound => Verdict(evidence, SagaVerdict.Finished, "An action failed, and everything was undone.", ""),
        SagaState.Stuck => Verdict(evidence, SagaVerdict.Stuck, "An action failed, and so did an undo: it is half undone.", "Its events name the undo that failed. Clear up what that left by hand."),
        SagaState.Abandoned => Abandoned(evidence, row.Abandonment),
        _ => InProgress(evidence, row),
    };

    private static SagaExplanation Abandoned(SagaEvidence evidence, AbandonmentDetails? abandonment) =>
        Verdict(evidence, SagaVerdict.Abandoned, $"It was set aside ({abandonment?.Reason}): {abandonment?.Comment}", "Clear up what it left by hand.") with
        {
            Since = abandonment?.Time,
        };

    private static SagaExplanation InProgress(SagaEvidence evidence, SagaDetails row)
    {
        if (row.Summary.Owner != evidence.Us.Id)
        {
            return NotOurs(evidence, row);
        }

        if (evidence.Us.Fenced is { } fenced)
        {
            return Verdict(evidence, SagaVerdict.Fenced, $"This process was fenced: another join, incarnation {fenced.By}, has taken its place.", "Ask the process that joined last, or start one; end this one.") with
            {
                Since = fenced.At,
            };
        }

        return evidence.Known.Run is { } run ? Running(evidence, row, run) : Idle(evidence, row);
    }

    private static SagaExplanation NotOurs(SagaEvidence evidence, SagaDetails row)
    {
        (string because, string toDo) = row switch
        {
            { Summary.Owner: null } => ("Nobody owns it.", "Reassign the sagas that nobody owns: coordinators reassign nobody."),
            { Owner: null, Summary.Owner: { } stranger } => (
                $"Coordinator {stranger} owns it at generation {row.Summary.Generation}, and has never joined.",
                $"Start that coordinator, or reassign its sagas: coordinators reassign {stranger}."),
            { Owner: { } owner } => (
                $"Coordinator {owner.Id} owns it at generation {row.Summary.Generation}: {owner.Host}, process {owner.ProcessId}, {StateOf(owner)}.", OwnersToDo(owner)),
        };
        return Verdict(evidence, SagaVerdict.NotOurs, because, toDo);
    }

    private static string StateOf(CoordinatorDetails owner) => owner switch
    {
        { Answers: true, State: CoordinatorState.Draining } => "which answers, and is draining: it starts nothing new, and gives away what it does not finish",
        { Answers: true } => "which answers",
        { HasLeft: true } => $"which was shut down (last seen {PlainText.Duration(owner.Silence)} ago)",
        { State: CoordinatorState.Down } => $"which is gone: it does not answer (last seen {PlainText.Duration(owner.Silence)} ago), and was taken over from; what nobody else could run is still its own",
        _ => $"which does not answer (last seen {PlainText.Duration(owner.Silence)} ago)",
    };

    private static string OwnersToDo(CoordinatorDetails owner) => owner switch
    {
        { Answers: true, State: CoordinatorState.Draining } => $"Wait for the end of its drain. What that leaves can be reassigned: coordinators reassign {owner.Id} --even-if-owner-answers.",
        { Answers: true } => "Ask that process.",
        { HasLeft: false, State: CoordinatorState.Down } => $"Start a coordinator that has its definition, and reassign what is left: coordinators reassign {owner.Id}.",
        _ => $"Start that coordinator again, or reassign its sagas: coordinators reassign {owner.Id}.",
    };

    private static SagaExplanation Running(SagaEvidence evidence, SagaDetails row, TrackedRunInfo run)
    {
        if (run.Generation != row.Summary.Generation)
        {
            return Verdict(evidence, SagaVerdict.OutOfDate, $"This process runs it at generation {run.Generation}, and it is at generation {row.Summary.Generation}: it left and came back.", "Activate a pass, which recovers it at the new generation.");
        }

        string held = row.Hold is null ? "" : $" It is held ({By(row.Hold.Note)}), which does not stop a run.";
        return run.Origin switch
        {
            RunOrigin.Announced => Verdict(evidence, SagaVerdict.Starting, "This process is starting it; its row is in the store.", "") with { Since = row.Summary.TimeCreated },
            RunOrigin.Started => Verdict(evidence, SagaVerdict.RunningHere, $"This process started it and runs it.{held}", "") with { Since = row.Summary.TimeCreated },
            _ => Verdict(evidence, SagaVerdict.RunningHere, $"Recovery handed it to this process, which runs it.{held}", "") with { Since = run.RecoveredAt },
        };
    }

    private static SagaExplanation Idle(SagaEvidence evidence, SagaDetails row)
    {
        if (row.Hold is { } hold)
        {
            return Verdict(evidence, SagaVerdict.Held, $"It is held: {By(hold.Note)}", "Release it, and the next pass recovers it.") with { Since = hold.Since };
        }

        if (evidence.Paused is { } pause)
        {
            return Verdict(evidence, SagaVerdict.Paused, $"Recovery is paused: {By(pause.Note)}", "Resume recovery.") with { Since = pause.Since };
        }

        return evidence.Known switch
        {
            { Waiting: { } waiting } => Waits(evidence, waiting),
            { IsSuspect: true } => Verdict(evidence, SagaVerdict.Deferred, "It was in hand when the process before this one died. Such sagas are handed over last, in small groups, each after the one before it has outlived its probation.", "Nothing: it comes to its turn. Hold it if you know that it kills the process."),
            _ => Verdict(evidence, SagaVerdict.ToBeRecovered, "It is ours, in progress, and nobody runs it; no pass has come to it yet.", "Activate a pass, or wait for the next."),
        };
    }

    private static SagaExplanation Waits(SagaEvidence evidence, WaitingSaga waiting)
    {
        SagaExplanation verdict = waiting.Kind switch
        {
            WaitingKind.UnknownDefinition => Verdict(evidence, SagaVerdict.UnknownDefinition, $"This binary cannot run it: {waiting.Why}", "Deploy a binary that has this definition. It is tried again at every pass."),
            WaitingKind.Unreadable => Verdict(evidence, SagaVerdict.Unreadable, $"Its row cannot be read: {waiting.Why}", "Mend the row. It is tried again at every pass."),
            _ => Verdict(evidence, SagaVerdict.BackingOff, $"Handing it over failed {PlainText.Count(waiting.Failures, "time")} in a row: {waiting.Why}", "Mend the cause. Retry it to skip the delay."),
        };
        return verdict with { Since = waiting.Since, NextTry = waiting.NextTry, Failures = waiting.Failures, Error = waiting.Why };
    }

    private static SagaExplanation Verdict(SagaEvidence evidence, SagaVerdict verdict, string because, string toDo) =>
        new(evidence.SagaId, verdict, because, toDo);

    private static string By(OperatorNote note) => $"{note.Actor}: {note.Reason}";
}
