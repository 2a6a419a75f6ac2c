using System.Globalization;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using static SagaRecovery.Tests.Support.VerdictStories;

namespace SagaRecovery.Tests;

/// <summary>One story for each verdict, and for the precedence of evidence.</summary>
public sealed class VerdictTests
{
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

        SagaExplanation explanation = SagaVerdicts.OfRowAlone(TheSaga, row, new DefinitionList([definition], runBy == "any" ? [Others] : []));

        (explanation.Verdict, explanation.Advice).Should().Be((verdict, advice));
        SagaVerdicts.OfRowAlone(TheSaga, row).Verdict.Should().Be(SagaVerdict.NotOwned, "the definitions were not read");
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
    public void A_saga_that_waits_in_the_executor_is_not_said_to_run()
    {
        SagaExplanation queued = Judge(RunPhase.WaitingForSlot);
        queued.Verdict.Should().Be(SagaVerdict.WaitingForSlot);
        queued.Advice.Should().EndWith($"See what holds the slots: explain {TheSaga}.");
        queued.Slots.Should().Be(new SlotUse(4, 4));
        queued.Reason.Should().Be($"This process has accepted it, and it waits for a slot: 4 of 4 in use. The limit is MaxRunningSagas = 7. Saga {TheSaga} has had its slot longest.");

        SagaExplanation behind = Judge(RunPhase.WaitingForPreviousRun);
        behind.Verdict.Should().Be(SagaVerdict.WaitingForPreviousRun);
        behind.Reason.Should().Contain("previous run in this process");

        Judge(RunPhase.Running).Verdict.Should().Be(SagaVerdict.RunningHere);
    }

    [Fact]
    public void A_saga_that_is_not_loaded_yet_waits_for_the_slot_that_the_executor_names()
    {
        var known = new TrackedSagaInfo { Slot = new SlotWait("provision", AdoptGeneration.Initial, Noon, Waiting: 900) };
        var evidence = new SagaEvidence(TheSaga, Row(SagaState.Running, Us), known, new CoordinatorStatus(Us, new Incarnation(1), Fenced: null), Paused: null)
        {
            SlotLimit = new SlotLimit("MaxRunningSagas = 7", TheSaga) { Slots = new SlotUse(7, 7) },
        };

        SagaVerdicts.Judge(evidence).Should().Match<SagaExplanation>(explanation => explanation.Verdict == SagaVerdict.WaitingForSlot
            && explanation.Since == Noon
            && explanation.Slots == new SlotUse(7, 7)
            && explanation.Reason == $"Recovery has found it, and it waits for a slot: 7 of 7 in use. The limit is MaxRunningSagas = 7. Saga {TheSaga} has had its slot longest. "
                + "900 sagas of its definition wait, and each is loaded when its turn comes.");
        SagaVerdicts.Judge(evidence with { SlotLimit = null }).Reason.Should().StartWith("Recovery has found it, and it waits for a slot: all are in use. 900 sagas");
        SagaVerdicts.Judge(evidence with { Row = Row(SagaState.Running, Us) with { Hold = Hold } }).Verdict.Should().Be(SagaVerdict.Held);
    }

    [Theory]
    [InlineData("ours, held, paused, failed")]
    [InlineData("ours, idle")]
    public void No_advice_promises_that_the_next_pass_resumes_a_saga_that_may_have_to_wait(string story) =>
        Judge(story).Advice.Should().EndWith("resumes it, unless it has to wait for a slot, or after a crash until other sagas have passed their probation.");

    [Theory]
    [InlineData("ours, held, paused, failed")]
    [InlineData("ours, failed")]
    [InlineData("ours, recovered")]
    [InlineData("ours, idle")]
    [InlineData("others'")]
    public void A_cancellation_that_has_not_ended_the_saga_is_part_of_every_verdict(string story) =>
        Judge(story, row => row with { Cancellation = new SagaCancellation(Noon, Note) }).Reason.Should().MatchRegex(@"[^.]\. It was cancelled \(ann: broken disk\)\.$");

    [Theory]
    [InlineData(false, "If the action of 'disk' cannot succeed, fail it, and the saga unwinds: sagas inject-error {0} disk.")]
    [InlineData(true, "If the undo of 'disk' cannot succeed, undo its effect manually and skip the undo: sagas skip-undo {0} disk.")]
    public void The_verdict_on_a_step_that_is_retried_names_the_way_out(bool isUndo, string advice)
    {
        var step = new StepInProgress("disk", isUndo, 3, Noon) { LastError = "closed" };

        Judge(RunPhase.Running, step: step).Advice.Should().Be(string.Format(CultureInfo.InvariantCulture, advice, TheSaga));
        Judge(RunPhase.Running).Advice.Should().BeEmpty("its first attempt runs");
        Judge(RunPhase.Running, step: step with { LastError = null, AttemptSince = Noon.AddSeconds(-31) }).Advice
            .Should().Be(string.Format(CultureInfo.InvariantCulture, advice, TheSaga).Replace("cannot succeed", "does not end"));
    }

    [Fact]
    public void The_steps_of_a_run_are_part_of_the_explanation_until_the_saga_has_finished()
    {
        Judge(RunPhase.Running).Run!.Steps.Should().ContainSingle().Which.Node.Should().Be("disk");
        Judge(RunPhase.Running, SagaState.Succeeded).Run.Should().BeNull();
    }
}
