using SagaRecovery.Executor.Progress;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Progress;

public sealed class SagaProgressTests
{
    [Fact]
    public void Nodes_start_once_all_their_parents_succeeded()
    {
        var progress = new SagaProgress(TestShapes.Diamond);
        progress.Next().Actions.Should().Equal(0, 4);

        Happens(progress, "0 Succeeded").Actions.Should().Equal(1, 2);
        Happens(progress, "1 Succeeded").Actions.Should().BeEmpty("node 3 waits for node 2 as well");
        Happens(progress, "2 Succeeded").Actions.Should().Equal(3);
        Happens(progress, "3 Succeeded, 4 Succeeded").Actions.Should().BeEmpty();
        progress.End.Should().Be(SagaState.Succeeded);
    }

    [Fact]
    public void A_second_request_without_a_new_event_returns_nothing()
    {
        var progress = new SagaProgress(TestShapes.Diamond);
        progress.Next();

        NextSteps again = progress.Next();

        again.Events.Should().BeEmpty();
        again.Actions.Should().BeEmpty();
    }

    [Fact]
    public void After_a_failure_nothing_starts_and_nothing_is_undone_while_a_sibling_is_in_flight()
    {
        SagaProgress progress = Replay("0 Started, 0 Succeeded, 1 Started, 4 Started, 4 Failed");
        NextSteps turn = progress.Next();
        turn.Actions.Should().Equal(1); // runs again, to be undone
        turn.Undos.Should().BeEmpty();
        turn.Events.Should().BeEmpty("neither is its start logged twice, nor does node 2 start");

        Happens(progress, "1 Succeeded").Undos.Should().Equal(1);
        Happens(progress, "1 UndoFinished").Undos.Should().Equal(0);
        Happens(progress, "0 UndoFinished").Undos.Should().BeEmpty();
        progress.End.Should().Be(SagaState.Unwound);
    }

    [Fact]
    public void A_node_without_an_undo_is_undone_at_once_and_its_parents_follow()
    {
        SagaProgress progress = Replay("0 Started, 0 Succeeded, 2 Started, 2 Succeeded, 4 Started, 4 Failed");

        NextSteps turn = progress.Next();

        turn.Events.Should().Equal(TestShapes.Log("2 UndoStarted, 2 UndoFinished, 0 UndoStarted"));
        turn.Undos.Should().Equal(0);
    }

    [Fact]
    public void A_failed_node_is_not_undone()
    {
        SagaProgress progress = Replay("0 Started, 0 Failed");

        progress.Next().Undos.Should().BeEmpty();
        progress.End.Should().Be(SagaState.Unwound);
    }

    [Fact]
    public void A_failed_undo_lets_those_in_flight_finish_and_begins_no_other()
    {
        SagaProgress progress = Replay(
            "0 Started, 0 Succeeded, 1 Started, 1 Succeeded, 2 Started, 2 Failed, 4 Started, 4 Succeeded, 4 UndoStarted, 1 UndoStarted, 1 UndoFailed");

        NextSteps turn = progress.Next();

        turn.Undos.Should().Equal(4); // it had begun: it is run again
        progress.End.Should().BeNull();
        Happens(progress, "4 UndoFinished").Undos.Should().BeEmpty("node 0 stays as it is");
        progress.End.Should().Be(SagaState.Stuck);
        progress.StuckNode.Should().Be(1);
        progress.FailedNode.Should().Be(2);
    }

    [Fact]
    public void A_failed_undo_keeps_another_branch_from_being_undone()
    {
        SagaProgress progress = Replay(
            "0 Started, 0 Succeeded, 1 Started, 1 Succeeded, 2 Started, 2 Failed, 4 Started, 4 Succeeded, 1 UndoStarted, 1 UndoFailed");

        progress.Next().Undos.Should().BeEmpty("node 4 stays as it is, for the operator to see");
        progress.End.Should().Be(SagaState.Stuck);
    }

    [Fact]
    public void A_failed_undo_that_an_operator_has_retried_runs_again_with_the_rest()
    {
        SagaProgress progress = Replay(
            "0 Started, 0 Succeeded, 1 Started, 1 Succeeded, 2 Started, 2 Failed, 4 Started, 4 Succeeded, 1 UndoStarted");

        progress.Next().Undos.Should().BeEquivalentTo([1, 4]);
        progress.End.Should().BeNull();
    }

    [Fact]
    public void A_failed_undo_that_an_operator_has_skipped_is_done_and_another_one_keeps_the_saga_stuck()
    {
        const string Before = "0 Started, 0 Succeeded, 1 Started, 1 Succeeded, 2 Started, 2 Failed, 4 Started, 4 Succeeded, 1 UndoStarted, 1 UndoFinished, 4 UndoStarted";
        SagaProgress stuck = Replay(Before + ", 4 UndoFailed");
        SagaProgress free = Replay(Before + ", 4 UndoFinished");

        stuck.Next().Should().BeEquivalentTo(new NextSteps([], [], []));
        stuck.End.Should().Be(SagaState.Stuck);
        stuck.StuckNode.Should().Be(4);
        free.Next().Undos.Should().Equal(0);
    }

    [Fact]
    public void A_node_whose_child_failed_uncertainly_is_undone_after_that_child_which_may_have_to_wait_for_its_own()
    {
        SagaShape shape = new([new("first", HasUndo: true, []), new("second", HasUndo: true, [0]), new("third", HasUndo: true, [1])]);
        var uncertain = new SavedNodeEvent(1, NodeEventType.Failed, SagaErrors.Write(new SagaError("late", "no answer") { IsUncertain = true }));
        SavedNodeEvent[] log = [.. TestShapes.Log("0 Started, 0 Succeeded, 1 Started, 2 Started, 2 Succeeded"), uncertain]; // the success of 1 is lost
        SagaReplay.TryReplay(shape, log, out SagaProgress? progress, out string? illegal).Should().BeTrue(illegal);

        progress!.Next().Undos.Should().Equal(2);
        Happens(progress, "2 UndoFinished").Undos.Should().Equal(1);
        Happens(progress, "1 UndoFinished").Undos.Should().Equal(0);
    }

    [Fact]
    public void An_undo_that_had_begun_runs_again_once_another_branch_is_stuck_although_a_child_is_not_undone()
    {
        SagaShape shape = new(
        [
            new("grandparent", HasUndo: true, []), new("parent", HasUndo: true, [0]), new("child", HasUndo: true, [1]), new("apart", HasUndo: true, []),
        ]);
        SagaReplay.TryReplay(
            shape,
            TestShapes.Log("0 Started, 0 Succeeded, 0 UndoStarted, 1 Started, 1 Succeeded, 2 Started, 2 Succeeded, 3 Started, 3 Succeeded"),
            out SagaProgress? progress,
            out string? illegal).Should().BeTrue(illegal);
        progress!.Next().Undos.Should().BeEquivalentTo([2, 3], "the database has lost that node 1 was undone");

        Happens(progress, "3 UndoFailed").Undos.Should().Equal(0);
        Happens(progress, "0 UndoFinished, 2 UndoFinished").Undos.Should().BeEmpty();
        progress.End.Should().Be(SagaState.Stuck);
    }

    [Fact]
    public void A_log_whose_end_is_all_but_written_is_at_its_end()
    {
        SagaProgress progress = Replay("0 Started, 0 Succeeded, 1 Started, 1 Failed, 0 UndoStarted, 0 UndoFinished");

        progress.Next().Should().BeEquivalentTo(new NextSteps([], [], []));
        progress.End.Should().Be(SagaState.Unwound);
    }

    [Fact]
    public void What_cannot_have_happened_is_refused()
    {
        var progress = new SagaProgress(TestShapes.Chain);

        Action succeedsUnstarted = () => progress.Record(new SavedNodeEvent(0, NodeEventType.Succeeded, default));

        succeedsUnstarted.Should().Throw<InvalidOperationException>().WithMessage("Node 0 'a' is NeverStarted: Succeeded cannot follow.");
    }

    private static SagaProgress Replay(string log)
    {
        SagaReplay.TryReplay(TestShapes.Diamond, TestShapes.Log(log), out SagaProgress? progress, out string? illegal)
            .Should().BeTrue(illegal);
        return progress!;
    }

    private static NextSteps Happens(SagaProgress progress, string events)
    {
        foreach (SavedNodeEvent nodeEvent in TestShapes.Log(events))
        {
            progress.Record(nodeEvent);
        }

        return progress.Next();
    }
}
