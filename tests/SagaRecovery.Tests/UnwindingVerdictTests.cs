using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using static SagaRecovery.Tests.Support.VerdictStories;

namespace SagaRecovery.Tests;

/// <summary>The verdicts on sagas that unwind, have unwound or are stuck: the cause, how far they are undone, and the ways out.</summary>
public sealed class UnwindingVerdictTests
{
    [Fact]
    public void The_verdict_on_a_stuck_saga_names_the_failed_undo_and_the_two_ways_out()
    {
        SagaDetails stuck = Row(SagaState.Stuck, Us) with
        {
            Events = [new LoggedEvent(Noon, 1, "charge card", NodeEventType.UndoFailed, """{"code":"closed","message":"the account is closed"}""", Us)],
        };

        Judge(stuck, new TrackedSagaInfo()).Should().Match<SagaExplanation>(explanation => explanation.Verdict == SagaVerdict.Stuck && explanation.Since == Noon
            && explanation.Reason == "An action failed, and then an undo: it is partly undone (0 of 1 node). The undo of 'charge card' failed with closed: the account is closed."
            && explanation.Advice == $"Fix the cause and run the failed undo again: sagas retry-undo {TheSaga}. "
                + $"Or undo the effect manually and skip the undo: sagas skip-undo {TheSaga} 'charge card'.");
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
        var evidence = new SagaEvidence(TheSaga, row, new TrackedSagaInfo(), new CoordinatorStatus(Us, new Incarnation(1), Fenced: null), Paused: null) { Redactor = new Nothing() };

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

    private sealed class Nothing : ISagaRedactor
    {
        public string Redact(SagaPayload payload) => "(hidden)";
    }
}
