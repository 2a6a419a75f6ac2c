using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Support;

/// <summary>Evidence on one saga, told as a story, and the verdict on it.</summary>
internal static class VerdictStories
{
    public static readonly DateTimeOffset Noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);
    public static readonly SagaId TheSaga = SagaId.Parse("00000000-0000-0000-0000-000000000001");
    public static readonly CoordinatorId Us = new(Guid.Parse("c0000000-0000-4000-8000-000000000001"));
    public static readonly CoordinatorId Others = new(Guid.Parse("c0000000-0000-4000-8000-000000000002"));
    public static readonly OperatorNote Note = new("ann", "broken disk");
    public static readonly HeldSaga Hold = new(TheSaga, "provision", Noon.AddMinutes(-1), Note);

    /// <summary>
    /// Three nodes to undo, one of which is undone: two have succeeded, and the third has failed in a way that leaves its effect uncertain. A fourth
    /// has failed later, and for certain.
    /// </summary>
    public static IReadOnlyList<LoggedEvent> ThreeNodes =>
    [
        new(Noon.AddSeconds(1), 0, "pay", NodeEventType.Succeeded, "{}", Us),
        new(Noon.AddSeconds(2), 1, "ship", NodeEventType.Succeeded, "{}", Us),
        new(Noon.AddSeconds(3), 2, "bill", NodeEventType.Failed, """{"code":"refused","message":"no funds","isUncertain":true}""", Us),
        new(Noon.AddSeconds(4), 3, "mail", NodeEventType.Failed, """{"code":"bounced","message":"no such address"}""", Us),
        new(Noon.AddSeconds(5), 2, "bill", NodeEventType.UndoStarted, Data: null, Us),
        new(Noon.AddSeconds(6), 2, "bill", NodeEventType.UndoFinished, Data: null, Us),
    ];

    public static SagaExplanation Judge(RunPhase phase, SagaState state = SagaState.Running, StepInProgress? step = null)
    {
        var known = new TrackedSagaInfo { Run = new TrackedRunInfo(RunOrigin.Recovered, AdoptGeneration.Initial, Noon) };
        var us = new CoordinatorStatus(Us, new Incarnation(3), Fenced: null);
        return SagaVerdicts.Judge(new SagaEvidence(TheSaga, Row(state, Us), known, us, Paused: null)
        {
            Run = new SagaRunProgress(TheSaga, "provision", phase, [step ?? new StepInProgress("disk", IsUndo: false, 1, Noon)])
            {
                Limit = "MaxRunningSagas = 7",
                Slots = phase == RunPhase.WaitingForSlot ? new SlotUse(4, 4) : null,
                LongestRunning = TheSaga,
            },
            Now = Noon,
        });
    }

    public static SagaExplanation Judge(string story, Func<SagaDetails, SagaDetails>? change = null)
    {
        var known = new TrackedSagaInfo
        {
            Run = story switch
            {
                _ when story.Contains("announced") => new TrackedRunInfo(RunOrigin.Announced, AdoptGeneration.Initial, RecoveredAt: null),
                _ when story.Contains("started") => new TrackedRunInfo(RunOrigin.Started, AdoptGeneration.Initial, RecoveredAt: null),
                _ when story.Contains("recovered") || story.Contains("tracked") => new TrackedRunInfo(RunOrigin.Recovered, AdoptGeneration.Initial, Noon.AddMinutes(-5)),
                _ => null,
            },
            Waiting = story switch
            {
                _ when story.Contains("failed") => new WaitingSaga(TheSaga, "provision", WaitingKind.BackingOff, Noon, 3, Noon.AddSeconds(8), "time-out"),
                _ when story.Contains("unknown definition") => new WaitingSaga(TheSaga, "provision", WaitingKind.UnknownDefinition, Noon, 0, NextTry: null, "definition provision v7"),
                _ when story.Contains("unreadable") => new WaitingSaga(TheSaga, "", WaitingKind.Unreadable, Noon, 0, NextTry: null, "state 'sideways'"),
                _ => null,
            },
            IsSuspect = story.Contains("suspected"),
        };
        SagaDetails? row = story switch
        {
            _ when story.StartsWith("no row", StringComparison.Ordinal) => null,
            _ when story.StartsWith("succeeded", StringComparison.Ordinal) => Row(SagaState.Succeeded, Us),
            "unwound" => Row(SagaState.Unwound, Us),
            "stuck" => Row(SagaState.Stuck, Us),
            "abandoned" => Row(SagaState.Abandoned, Us) with { Abandonment = new AbandonmentDetails(Noon, "unrecoverable", "illegal log") },
            _ when story.StartsWith("others'", StringComparison.Ordinal) => Row(SagaState.Running, Others),
            "unowned" => Row(SagaState.Running, owner: null),
            _ when story.Contains("unwinding") => Row(SagaState.Unwinding, Us),
            _ => Row(SagaState.Running, Us),
        };
        if (story.Contains("older generation"))
        {
            row = row! with { Summary = row.Summary with { Generation = new AdoptGeneration(2) } };
        }

        if (story.Contains("held"))
        {
            row = row! with { Hold = Hold };
        }

        return Judge(row is null || change is null ? row : change(row), known, fenced: story.Contains("fenced"), paused: story.Contains("paused"));
    }

    public static SagaExplanation Judge(SagaDetails? row, TrackedSagaInfo known, bool fenced = false, bool paused = false)
    {
        var us = new CoordinatorStatus(Us, new Incarnation(3), fenced ? new FenceStatus(new Incarnation(4), Noon) : null);
        return SagaVerdicts.Judge(new SagaEvidence(TheSaga, row, known, us, paused ? new RecoveryPause(Noon, Note) : null));
    }

    public static SagaDetails Row(SagaState state, CoordinatorId? owner) => new()
    {
        Summary = new SagaSummary(TheSaga, "provision", state, owner, AdoptGeneration.Initial, Noon.AddHours(-1), IsHeld: false),
        Creator = Us,
        TimeAdopted = Noon.AddHours(-1),
        Version = 1,
        DefinitionHash = default,
        Graph = null,
        Parameters = "{}",
        Events = [],
        Owner = owner is { } id ? Owner(id) : null,
    };

    public static CoordinatorDetails Owner(CoordinatorId id) =>
        new(id, new Incarnation(3), "host-1", 4711, Noon, TimeSpan.FromMinutes(1), HasShutDown: false, Paused: null, InProgress: null);
}
