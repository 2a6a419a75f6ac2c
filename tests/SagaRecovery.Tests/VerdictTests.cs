using System.Globalization;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Tests;

/// <summary>One story for each verdict, and for the precedence of evidence.</summary>
public sealed class VerdictTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);
    private static readonly SagaId Saga = SagaId.Parse("00000000-0000-0000-0000-000000000001");
    private static readonly CoordinatorId Us = new(Guid.Parse("c0000000-0000-4000-8000-000000000001"));
    private static readonly CoordinatorId Others = new(Guid.Parse("c0000000-0000-4000-8000-000000000002"));
    private static readonly OperatorNote Note = new("ann", "broken disk");
    private static readonly HeldSaga Hold = new(Saga, "provision", Noon.AddMinutes(-1), Note);

    public static TheoryData<string, SagaVerdict> Stories => new()
    {
        { "no row, not known", SagaVerdict.Unknown },
        { "no row, announced", SagaVerdict.Starting },
        { "succeeded", SagaVerdict.Finished },
        { "unwound", SagaVerdict.Finished },
        { "stuck", SagaVerdict.Stuck },
        { "abandoned", SagaVerdict.Abandoned },
        { "succeeded, tracked", SagaVerdict.Finished },
        { "others'", SagaVerdict.NotOwned },
        { "others', tracked here", SagaVerdict.NotOwned },
        { "unowned", SagaVerdict.NotOwned },
        { "ours, fenced", SagaVerdict.Fenced },
        { "ours, announced", SagaVerdict.Starting },
        { "ours, started", SagaVerdict.RunningHere },
        { "ours, recovered", SagaVerdict.RunningHere },
        { "ours, recovered, held", SagaVerdict.RunningHere },
        { "ours, recovered, unwinding", SagaVerdict.UnwindingHere },
        { "ours, started, unwinding", SagaVerdict.UnwindingHere },
        { "ours, idle, unwinding", SagaVerdict.ToBeRecovered },
        { "ours, recovered at an older generation", SagaVerdict.OutOfDate },
        { "ours, held, paused, failed", SagaVerdict.Held },
        { "ours, paused, failed", SagaVerdict.Paused },
        { "ours, failed", SagaVerdict.BackingOff },
        { "ours, unknown definition", SagaVerdict.UnknownDefinition },
        { "ours, unreadable", SagaVerdict.Unreadable },
        { "ours, suspected", SagaVerdict.Deferred },
        { "ours, idle", SagaVerdict.ToBeRecovered },
    };

    [Theory]
    [MemberData(nameof(Stories))]
    public void Evidence_leads_to_one_verdict(string story, SagaVerdict verdict)
    {
        SagaExplanation explanation = Judge(story);

        explanation.Verdict.Should().Be(verdict);
        explanation.Reason.Should().NotBeEmpty();
    }

    [Theory]
    [InlineData(true, "others", SagaVerdict.NotOwned, "Ask that process.")]
    [InlineData(true, "any", SagaVerdict.NotOwned, "Ask that process.")]
    [InlineData(true, "", SagaVerdict.UnknownDefinition, "Deploy a binary that has this definition: no process that answers has it.")]
    [InlineData(true, "us", SagaVerdict.UnknownDefinition, "Deploy a binary that has this definition, or reassign the saga to a coordinator that has it: c0000000-0000-4000-8000-000000000001.")]
    [InlineData(false, "", SagaVerdict.NotOwned, "Start that coordinator again, or reassign its sagas: coordinators reassign c0000000-0000-4000-8000-000000000002.")]
    public void Without_a_process_a_saga_that_its_owner_cannot_run_has_an_unknown_definition(bool ownerAnswers, string runBy, SagaVerdict verdict, string advice)
    {
        SagaDetails row = Row(SagaState.Running, Others);
        row = row with { Owner = row.Owner! with { Silence = ownerAnswers ? TimeSpan.Zero : TimeSpan.FromMinutes(1), State = CoordinatorState.Active } };
        CoordinatorId[] runners = runBy switch { "others" => [Others], "us" => [Us], _ => [] };
        var definition = new DefinitionDetails(row.DefinitionHash, "provision", 1, Unfinished: 1, Ended: 0, Stuck: 0, runners, DefinitionNeed.UnfinishedSagas);

        SagaExplanation explanation = SagaVerdicts.OfRowAlone(Saga, row, new DefinitionList([definition], runBy == "any" ? [Others] : []));

        (explanation.Verdict, explanation.Advice).Should().Be((verdict, advice));
        SagaVerdicts.OfRowAlone(Saga, row).Verdict.Should().Be(SagaVerdict.NotOwned, "the definitions were not read");
    }

    [Fact]
    public void The_verdict_includes_its_evidence()
    {
        Judge("ours, failed").Should().Match<SagaExplanation>(one =>
            one.Failures == 3 && one.Error == "time-out" && one.NextTry == Noon.AddSeconds(8) && one.Reason.Contains("3 times") && one.Advice.Contains("Retry"));
        Judge("ours, unknown definition").Reason.Should().Contain("definition provision v7");
        Judge("ours, held, paused, failed").Should().Match<SagaExplanation>(one => one.Reason.Contains("ann: broken disk") && one.Since == Hold.Since);
        Judge("ours, recovered, held").Reason.Should().Contain("ann: broken disk");
        Judge("abandoned").Should().Match<SagaExplanation>(one => one.Reason.Contains("illegal log") && one.Since == Noon);
        Judge("ours, recovered").Since.Should().Be(Noon.AddMinutes(-5));
        Judge("ours, recovered at an older generation").Reason.Should().Contain("generation 1").And.Contain("generation 2");
        Judge("others'").Reason.Should().Contain(Others.ToString()).And.Contain("does not answer");
    }

    [Theory]
    [InlineData(CoordinatorState.Active, false, 3, "which answers.", "Ask that process.")]
    [InlineData(CoordinatorState.Draining, false, 3, "which answers and is draining", "--even-if-owner-answers")]
    [InlineData(CoordinatorState.Draining, false, 60, "which does not answer (last seen 60s ago).", "Start that coordinator again, or reassign its sagas: coordinators reassign ")]
    [InlineData(CoordinatorState.Active, false, 60, "which does not answer (last seen 60s ago).", "Start that coordinator again, or reassign its sagas: coordinators reassign ")]
    [InlineData(CoordinatorState.Down, true, 3, "which was shut down (last seen 3s ago).", "Start that coordinator again, or reassign its sagas: coordinators reassign ")]
    [InlineData(CoordinatorState.Down, false, 60, "which does not answer (last seen 60s ago) and was taken over from", "Start a coordinator that has its definition, and then reassign what is left")]
    public void The_verdict_on_a_foreign_saga_names_the_state_of_its_owner_and_the_operator_action_that_reassigns(
        CoordinatorState state, bool left, int silentSeconds, string because, string advice)
    {
        CoordinatorDetails owner = Owner(Others) with { State = state, HasShutDown = left, Silence = TimeSpan.FromSeconds(silentSeconds) };

        SagaExplanation explanation = Judge(Row(SagaState.Running, Others) with { Owner = owner }, new TrackedSagaInfo());

        explanation.Verdict.Should().Be(SagaVerdict.NotOwned);
        explanation.Reason.Should().Contain(because);
        explanation.Advice.Should().Contain(advice);
    }

    [Theory]
    [InlineData(-60, -30, false, SagaVerdict.NotOwned)] // it got the saga before the pause
    [InlineData(-60, 5, false, SagaVerdict.HeldByPausedNode)] // and after
    [InlineData(5, -30, false, SagaVerdict.HeldByPausedNode)] // its process was started after the pause, and resumed nothing
    [InlineData(5, 10, true, SagaVerdict.NotOwned)] // and has started the saga
    [InlineData(-60, 10, true, SagaVerdict.NotOwned)] // its process has started the saga after the pause
    public void A_saga_is_held_by_a_paused_node_that_can_neither_have_started_nor_resumed_it(int joined, int adopted, bool startedThere, SagaVerdict verdict)
    {
        var pause = new RecoveryPause(Noon, Note);
        CoordinatorDetails owner = Owner(Others) with { Silence = TimeSpan.FromSeconds(3), Paused = pause, TimeJoined = Noon.AddMinutes(joined) };
        SagaDetails row = Row(SagaState.Running, Others);
        row = row with
        {
            Owner = owner,
            TimeAdopted = Noon.AddMinutes(adopted),
            Creator = startedThere ? Others : Us,
            Summary = row.Summary with
            {
                TimeCreated = startedThere ? Noon.AddMinutes(adopted) : Noon.AddHours(-3),
                Generation = new AdoptGeneration(startedThere ? 1 : 2),
            },
        };

        SagaExplanation explanation = Judge(row, new TrackedSagaInfo());

        explanation.Verdict.Should().Be(verdict);
        explanation.Reason.Should().Contain("is paused (ann: broken disk)");
        Judge(row with { Owner = owner with { Silence = TimeSpan.FromMinutes(1) } }, new TrackedSagaInfo()).Verdict
            .Should().Be(SagaVerdict.NotOwned, "a node that does not answer is no paused node");
    }

    [Fact]
    public void The_verdict_on_an_orphan_names_the_operator_action_that_assigns_an_owner()
    {
        Judge("unowned").Advice.Should().Be("Reassign the unowned sagas: coordinators reassign unowned.");
        Judge(Row(SagaState.Running, Others) with { Owner = null }, new TrackedSagaInfo()).Should().Match<SagaExplanation>(explanation =>
            explanation.Reason.Contains("has never joined") && explanation.Advice.EndsWith($"coordinators reassign {Others}."));
    }

    [Fact]
    public void The_verdict_on_a_stuck_saga_names_the_failed_undo_and_the_two_ways_out()
    {
        SagaDetails stuck = Row(SagaState.Stuck, Us) with
        {
            Events = [new LoggedEvent(Noon, 1, "charge card", NodeEventType.UndoFailed, """{"code":"closed","message":"the account is closed"}""", Us)],
        };

        Judge(stuck, new TrackedSagaInfo()).Should().Match<SagaExplanation>(explanation => explanation.Verdict == SagaVerdict.Stuck && explanation.Since == Noon
            && explanation.Reason == "An action failed, and then an undo: it is partly undone (0 of 1 node). The undo of 'charge card' failed with closed: the account is closed."
            && explanation.Advice == $"Fix the cause and run the failed undo again: sagas retry-undo {Saga}. "
                + $"Or undo the effect manually and skip the undo: sagas skip-undo {Saga} 'charge card'.");
    }

    [Theory]
    [InlineData("ours, recovered, unwinding", "Recovery resumed it in this process, which undoes it.")]
    [InlineData("ours, started, unwinding", "This process started it and undoes it.")]
    [InlineData("ours, idle, unwinding", "This coordinator owns it, it is in progress, and no process runs it. No pass has reached it yet.")]
    [InlineData("ours, unwinding, held", "It is held: ann: broken disk")]
    public void The_verdict_on_an_unwinding_saga_begins_with_its_cause_and_how_far_it_is_undone(string story, string rest)
    {
        SagaExplanation explanation = Judge(story, row => row with { Events = ThreeNodes });

        explanation.Reason.Should().Be($"It unwinds: the action of 'bill' failed at 2026-11-24T12:00:03Z with refused: no funds. Undone: 1 of 3 nodes. {rest}");
        explanation.Since.Should().Be(explanation.Verdict switch
        {
            SagaVerdict.UnwindingHere => Noon.AddSeconds(3),
            SagaVerdict.Held => Hold.Since,
            _ => null,
        });
        explanation.Unwinding.Should().Be(new SagaUnwinding(Undone: 1, ToUndo: 3) { Node = "bill", Error = "refused: no funds", Since = Noon.AddSeconds(3) });
    }

    [Fact]
    public void The_verdict_on_a_cancelled_saga_that_unwinds_names_who_cancelled_it()
    {
        SagaExplanation explanation = Judge("ours, recovered, unwinding", row => row with { Events = ThreeNodes, Cancellation = new SagaCancellation(Noon, Note) });

        explanation.Reason.Should().Be("It unwinds: it was cancelled at 2026-11-24T12:00:00Z (ann: broken disk). Undone: 1 of 3 nodes. Recovery resumed it in this process, which undoes it.");
        explanation.Unwinding.Should().Be(new SagaUnwinding(Undone: 1, ToUndo: 3) { CancelledBy = Note, Since = Noon });
    }

    [Fact]
    public void The_verdict_on_an_unwinding_saga_whose_failure_is_not_logged_says_so() =>
        Judge("ours, recovered, unwinding").Reason.Should().Be("It unwinds: an action failed. Recovery resumed it in this process, which undoes it.");

    [Fact]
    public void The_verdict_on_a_stuck_saga_names_the_action_that_failed_as_well()
    {
        LoggedEvent undo = new(Noon.AddSeconds(9), 0, "pay", NodeEventType.UndoFailed, """{"code":"closed","message":"the account is closed"}""", Us);

        Judge(Row(SagaState.Stuck, Us) with { Events = [.. ThreeNodes, undo] }, new TrackedSagaInfo()).Should().Match<SagaExplanation>(explanation =>
            explanation.Reason == "The action of 'bill' failed with refused: no funds, and then an undo: it is partly undone (1 of 3 nodes). "
                + "The undo of 'pay' failed with closed: the account is closed."
            && explanation.Unwinding!.Undone == 1);
    }

    [Fact]
    public void Neither_the_reason_nor_the_cause_has_an_error_that_the_caller_may_not_see()
    {
        SagaDetails row = Row(SagaState.Unwinding, Us) with { Events = ThreeNodes };
        var evidence = new SagaEvidence(Saga, row, new TrackedSagaInfo(), new CoordinatorStatus(Us, new Incarnation(1), Fenced: null), Paused: null) { Redactor = new Nothing() };

        SagaExplanation explanation = SagaVerdicts.Judge(evidence);

        explanation.Reason.Should().Contain("the action of 'bill' failed at 2026-11-24T12:00:03Z with (hidden).").And.NotContain("funds");
        explanation.Unwinding!.Error.Should().Be("(hidden)");
    }

    [Theory]
    [InlineData(null, "no error recorded")]
    [InlineData("""{"code":"closed","message":"not\u0000 now\u202e"}""", "closed: not  now ")]
    [InlineData("""{"message":"late","exception":{"code":"inner"},"code":"closed"}""", "closed: late")]
    [InlineData("""{"code":"closed","message":"late","exception":"cut of""", "closed: late")]
    [InlineData("""{"code":"closed","message":"\ud800"}""", """{"code":"closed","message":"\ud800"}""")]
    [InlineData("""{"error":7}""", """{"error":7}""")]
    [InlineData("{oops", "{oops")]
    public void Any_data_of_a_failed_undo_is_shown_on_one_line(string? data, string shown) =>
        StuckSagaRules.ErrorOf(new LoggedEvent(Noon, 1, "a", NodeEventType.UndoFailed, data, Us)).Should().Be(shown);

    [Fact]
    public void A_saga_that_waits_in_the_executor_is_not_said_to_run()
    {
        SagaExplanation queued = Judge(RunPhase.WaitingForSlot);
        queued.Verdict.Should().Be(SagaVerdict.WaitingForSlot);
        queued.Advice.Should().EndWith($"See what holds the slots: explain {Saga}.");
        queued.Slots.Should().Be(new SlotUse(4, 4));
        queued.Reason.Should().Contain("waits for a free slot").And.EndWith($"Of the sagas under its limit, 4 of 4 run. The limit is MaxRunningSagas = 7. Of the sagas that run, {Saga} has run longest.");

        SagaExplanation behind = Judge(RunPhase.WaitingForPreviousRun);
        behind.Verdict.Should().Be(SagaVerdict.WaitingForPreviousRun);
        behind.Reason.Should().Contain("previous run in this process");

        Judge(RunPhase.Running).Verdict.Should().Be(SagaVerdict.RunningHere);
    }

    [Fact]
    public void A_saga_that_is_not_loaded_yet_waits_for_the_slot_that_the_executor_names()
    {
        var known = new TrackedSagaInfo { Slot = new SlotWait("provision", AdoptGeneration.Initial, Noon, Waiting: 900) };
        var evidence = new SagaEvidence(Saga, Row(SagaState.Running, Us), known, new CoordinatorStatus(Us, new Incarnation(1), Fenced: null), Paused: null)
        {
            SlotLimit = new SlotLimit("MaxRunningSagas = 7", Saga) { Slots = new SlotUse(7, 7) },
        };

        SagaVerdicts.Judge(evidence).Should().Match<SagaExplanation>(explanation => explanation.Verdict == SagaVerdict.WaitingForSlot
            && explanation.Since == Noon
            && explanation.Slots == new SlotUse(7, 7)
            && explanation.Reason.Contains("900 sagas of its definition wait")
            && explanation.Reason.EndsWith($"The limit is MaxRunningSagas = 7. Of the sagas that run, {Saga} has run longest."));
        SagaVerdicts.Judge(evidence with { Row = Row(SagaState.Running, Us) with { Hold = Hold } }).Verdict.Should().Be(SagaVerdict.Held);
    }

    [Theory]
    [InlineData("ours, held, paused, failed")]
    [InlineData("ours, failed")]
    [InlineData("ours, recovered")]
    [InlineData("ours, idle")]
    [InlineData("others'")]
    public void A_cancellation_that_has_not_ended_the_saga_is_part_of_every_verdict(string story) =>
        Judge(story, row => row with { Cancellation = new SagaCancellation(Noon, Note) }).Reason.Should().MatchRegex(@"[^.]\. It was cancelled \(ann: broken disk\)\.$");

    [Fact]
    public void The_end_of_an_unwound_saga_names_what_was_not_undone()
    {
        Judge("unwound").Reason.Should().Be("An action failed, and everything was undone.");
        Judge("unwound", row => row with { Summary = row.Summary with { FailedNode = "ship", ErrorCode = "refused" } }).Reason.Should().Be(
            "The action of 'ship' failed with refused, and everything was undone.", "its events were lost");
        Judge("unwound", row => row with { Events = ThreeNodes }).Reason.Should().StartWith("The action of 'bill' failed with refused: no funds, and everything was undone.");
        Judge("unwound", row => row with
        {
            Cancellation = SagaCancellation.AtDeadline(Noon),
            Events =
            [
                new LoggedEvent(Noon, 0, "pay", NodeEventType.UndoFinished, """{"skipped" : {"actor" : "ann", "reason" : "by hand"}}""", Us),
                new LoggedEvent(Noon, 1, "ship", NodeEventType.Failed, """{"code" : "injected", "message" : "ann: hangs", "byOperator" : true}""", Us),
                new LoggedEvent(Noon, 2, "bill", NodeEventType.Failed, """{"code" : "injected", "message" : "ann: hangs", "byOperator" : true}""", Us),
                new LoggedEvent(Noon, 2, "bill", NodeEventType.UndoFinished, Data: null, Us),
            ],
        }).Reason.Should().Be(
            "It was cancelled (deadline: it had not finished by 2026-11-24T12:00:00Z), and everything else was undone. The undo of 'pay' was skipped: an operator had "
            + "done it manually. An operator failed the action of 'ship', and no undo of it has run.");
    }

    [Theory]
    [InlineData(false, "If the action of 'disk' cannot succeed, fail it, and the saga unwinds: sagas inject-error {0} disk.")]
    [InlineData(true, "If the undo of 'disk' cannot succeed, undo its effect manually and skip the undo: sagas skip-undo {0} disk.")]
    public void The_verdict_on_a_step_that_is_retried_names_the_way_out(bool isUndo, string advice)
    {
        var step = new StepInProgress("disk", isUndo, 3, Noon) { LastError = "closed" };

        Judge(RunPhase.Running, step: step).Advice.Should().Be(string.Format(CultureInfo.InvariantCulture, advice, Saga));
        Judge(RunPhase.Running).Advice.Should().BeEmpty("its first attempt runs");
        Judge(RunPhase.Running, step: step with { LastError = null, AttemptSince = Noon.AddSeconds(-31) }).Advice
            .Should().Be(string.Format(CultureInfo.InvariantCulture, advice, Saga).Replace("cannot succeed", "does not end"));
    }

    [Fact]
    public void The_steps_of_a_run_are_part_of_the_explanation_until_the_saga_has_finished()
    {
        Judge(RunPhase.Running).Run!.Steps.Should().ContainSingle().Which.Node.Should().Be("disk");
        Judge(RunPhase.Running, SagaState.Succeeded).Run.Should().BeNull();
    }

    /// <summary>
    /// Three nodes to undo, one of which is undone: two have succeeded, and the third has failed in a way that leaves its effect uncertain. A fourth
    /// has failed later, and for certain.
    /// </summary>
    private static IReadOnlyList<LoggedEvent> ThreeNodes =>
    [
        new(Noon.AddSeconds(1), 0, "pay", NodeEventType.Succeeded, "{}", Us),
        new(Noon.AddSeconds(2), 1, "ship", NodeEventType.Succeeded, "{}", Us),
        new(Noon.AddSeconds(3), 2, "bill", NodeEventType.Failed, """{"code":"refused","message":"no funds","isUncertain":true}""", Us),
        new(Noon.AddSeconds(4), 3, "mail", NodeEventType.Failed, """{"code":"bounced","message":"no such address"}""", Us),
        new(Noon.AddSeconds(5), 2, "bill", NodeEventType.UndoStarted, Data: null, Us),
        new(Noon.AddSeconds(6), 2, "bill", NodeEventType.UndoFinished, Data: null, Us),
    ];

    private static SagaExplanation Judge(RunPhase phase, SagaState state = SagaState.Running, StepInProgress? step = null)
    {
        var known = new TrackedSagaInfo { Run = new TrackedRunInfo(RunOrigin.Recovered, AdoptGeneration.Initial, Noon) };
        var us = new CoordinatorStatus(Us, new Incarnation(3), Fenced: null);
        return SagaVerdicts.Judge(new SagaEvidence(Saga, Row(state, Us), known, us, Paused: null)
        {
            Run = new SagaRunProgress(Saga, "provision", phase, [step ?? new StepInProgress("disk", IsUndo: false, 1, Noon)])
            {
                Limit = "MaxRunningSagas = 7",
                Slots = phase == RunPhase.WaitingForSlot ? new SlotUse(4, 4) : null,
                LongestRunning = Saga,
            },
            Now = Noon,
        });
    }

    private static SagaExplanation Judge(string story, Func<SagaDetails, SagaDetails>? change = null)
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
                _ when story.Contains("failed") => new WaitingSaga(Saga, "provision", WaitingKind.BackingOff, Noon, 3, Noon.AddSeconds(8), "time-out"),
                _ when story.Contains("unknown definition") => new WaitingSaga(Saga, "provision", WaitingKind.UnknownDefinition, Noon, 0, NextTry: null, "definition provision v7"),
                _ when story.Contains("unreadable") => new WaitingSaga(Saga, "", WaitingKind.Unreadable, Noon, 0, NextTry: null, "state 'sideways'"),
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

    private static SagaExplanation Judge(SagaDetails? row, TrackedSagaInfo known, bool fenced = false, bool paused = false)
    {
        var us = new CoordinatorStatus(Us, new Incarnation(3), fenced ? new FenceStatus(new Incarnation(4), Noon) : null);
        return SagaVerdicts.Judge(new SagaEvidence(Saga, row, known, us, paused ? new RecoveryPause(Noon, Note) : null));
    }

    private static SagaDetails Row(SagaState state, CoordinatorId? owner) => new()
    {
        Summary = new SagaSummary(Saga, "provision", state, owner, AdoptGeneration.Initial, Noon.AddHours(-1), IsHeld: false),
        Creator = Us,
        TimeAdopted = Noon.AddHours(-1),
        Version = 1,
        DefinitionHash = default,
        Graph = null,
        Parameters = "{}",
        Events = [],
        Owner = owner is { } id ? Owner(id) : null,
    };

    private static CoordinatorDetails Owner(CoordinatorId id) =>
        new(id, new Incarnation(3), "host-1", 4711, Noon, TimeSpan.FromMinutes(1), HasShutDown: false, Paused: null, InProgress: null);

    private sealed class Nothing : ISagaRedactor
    {
        public string Redact(SagaPayload payload) => "(hidden)";
    }
}
