using SagaRecovery.Executor.Progress;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Progress;

public sealed class ReplayTests
{
    [Theory]
    [InlineData("7 Started", "the log has an event 'Started' of node 7, but the definition has nodes 0 to 4")]
    [InlineData("-1 Started", "the log has an event 'Started' of node -1, but the definition has nodes 0 to 4")]
    [InlineData("0 Started, 0 Succeeded, 0 Failed", "node 0 'top' has both 'Succeeded' and 'Failed'")]
    [InlineData("0 Started, 0 Started", "node 0 'top' has two events 'Started'")]
    [InlineData("0 Failed, 0 UndoStarted", "node 0 'top' has both 'Succeeded' and 'Failed'")]
    [InlineData(
        "0 Started, 0 Succeeded, 4 Started, 4 Failed, 0 UndoStarted, 0 UndoFinished, 0 UndoFailed",
        "node 0 'top' has both 'UndoFinished' and 'UndoFailed'")]
    [InlineData(
        "0 Started, 0 Succeeded, 1 Started, 1 Succeeded, 4 Started, 4 Failed, 1 UndoStarted, 1 UndoFailed, 0 UndoStarted",
        "the undo of node 0 'top' began although the undo of its child node 1 'left' had failed")]
    public void An_illegal_log_is_rejected_with_its_precise_reason(string log, string reason)
    {
        SagaReplay.TryReplay(TestShapes.Diamond, TestShapes.Log(log), out _, out string? illegal).Should().BeFalse();

        illegal.Should().Be(reason);
    }

    [Fact]
    public void An_event_of_an_unknown_type_is_rejected()
    {
        SavedNodeEvent[] log = [new(0, (NodeEventType)17, default)];

        SagaReplay.TryReplay(TestShapes.Diamond, log, out _, out string? illegal).Should().BeFalse();

        illegal.Should().Be("node 0 'top' has an event of the unknown type 17");
    }

    [Theory]
    [InlineData("")]
    [InlineData("0 Started, 0 Failed")]
    [InlineData("0 Started, 0 Succeeded, 1 Started, 1 Failed, 0 UndoStarted")] // node 2 never started, its parent is being undone
    [InlineData("0 Started, 0 Succeeded, 4 Started, 4 Failed, 0 UndoStarted, 0 UndoFinished")] // nor did 1 and 2
    [InlineData("0 Started, 0 Succeeded, 4 Started, 4 Failed, 0 UndoStarted, 0 UndoFailed")]
    [InlineData("0 Started, 0 Succeeded, 1 Started, 1 Failed, 2 Started, 2 Failed, 4 Started")]
    public void What_a_crash_really_leaves_is_legal(string log) =>
        SagaReplay.TryReplay(TestShapes.Diamond, TestShapes.Log(log), out _, out string? illegal).Should().BeTrue(illegal);

    [Theory]
    [InlineData("0 Succeeded", "0 Started, 0 Succeeded")]
    [InlineData("0 Failed", "0 Started, 0 Failed")]
    [InlineData("1 Started", "0 Started, 1 Started")]
    [InlineData("0 Started, 1 Started, 1 Succeeded", "0 Started, 1 Started, 1 Succeeded")]
    [InlineData("3 Succeeded", "0 Started, 1 Started, 2 Started, 3 Started, 3 Succeeded")]
    [InlineData("4 Failed, 0 UndoStarted", "0 Started, 0 Succeeded, 0 UndoStarted, 4 Started, 4 Failed")]
    [InlineData("0 Started, 0 Failed, 1 Started", "0 Started, 0 Failed, 1 Started")]
    [InlineData("0 Started, 0 Succeeded, 4 Failed, 0 UndoFinished", "0 Started, 0 Succeeded, 4 Started, 4 Failed, 0 UndoStarted, 0 UndoFinished")]
    public void What_a_loss_of_commits_explains_is_filled_in(string log, string whole)
    {
        SagaReplay.TryReplay(TestShapes.Diamond, TestShapes.Log(log), out SagaProgress? progress, out string? illegal).Should().BeTrue(illegal);

        progress!.ToEvents().Select(one => (one.NodeId, one.Type)).Should().BeEquivalentTo(TestShapes.Log(whole).Select(one => (one.NodeId, one.Type)));
    }

    [Fact]
    public void A_parent_whose_success_is_lost_is_run_again_before_its_child()
    {
        SagaReplay.TryReplay(TestShapes.Diamond, TestShapes.Log("0 Started, 1 Started"), out SagaProgress? progress, out _).Should().BeTrue();

        progress!.Next().Actions.Should().Equal(0, 4);
        progress.Record(new SavedNodeEvent(0, NodeEventType.Succeeded, default));
        progress.Next().Actions.Should().BeEquivalentTo([1, 2]);
    }

    [Fact]
    public void A_child_whose_parent_failed_when_it_was_run_again_has_no_input_and_fails_without_being_run()
    {
        SagaReplay.TryReplay(TestShapes.Diamond, TestShapes.Log("0 Started, 2 Started, 1 Succeeded"), out SagaProgress? progress, out _).Should().BeTrue();
        progress!.Next().Actions.Should().Equal(0, 4);
        progress.Record(new SavedNodeEvent(0, NodeEventType.Failed, default));
        progress.Record(new SavedNodeEvent(4, NodeEventType.Succeeded, default));

        NextSteps turn = progress.Next();

        turn.Actions.Should().BeEmpty();
        turn.Events.Where(one => one.Type == NodeEventType.Failed).Select(one => one.NodeId).Should().Equal(2);
        SagaErrors.Read(progress.ErrorOf(2)).Code.Should().Be("lost_input");
        turn.Undos.Should().Equal(4, 1);
    }

    [Fact]
    public void A_saga_whose_failure_is_lost_is_undone_all_the_same()
    {
        SagaReplay.TryReplay(TestShapes.Diamond, TestShapes.Log("0 Succeeded, 2 UndoFinished, 1 Started"), out SagaProgress? progress, out _)
            .Should().BeTrue();

        progress!.FailedNode.Should().Be(1);
        progress.Next().Actions.Should().Equal(1);
        progress.Record(new SavedNodeEvent(1, NodeEventType.Succeeded, default));
        progress.Next().Undos.Should().Equal(1);
        SagaErrors.Read(progress.ErrorOf(1)).Code.Should().Be("lost");
    }

    [Fact]
    public void A_child_whose_undo_has_no_end_is_undone_again_before_its_parent()
    {
        SagaReplay.TryReplay(TestShapes.Diamond, TestShapes.Log("0 Succeeded, 1 Succeeded, 4 Failed, 1 UndoStarted, 0 UndoStarted"), out SagaProgress? progress, out _)
            .Should().BeTrue();

        progress!.Next().Undos.Should().Equal(1);
        progress.Record(new SavedNodeEvent(1, NodeEventType.UndoFinished, default));
        progress.Next().Undos.Should().Equal(0);
    }

    [Fact]
    public void The_place_of_an_event_in_the_log_means_nothing()
    {
        SavedNodeEvent[] log = TestShapes.Log(
            "0 Started, 0 Succeeded, 1 Started, 1 Failed, 2 Started, 2 Succeeded, 2 UndoStarted, 2 UndoFinished, 0 UndoStarted");

        SagaReplay.TryReplay(TestShapes.Diamond, [.. log.Reverse()], out SagaProgress? progress, out string? illegal)
            .Should().BeTrue(illegal);

        progress![0].Should().Be(NodeState.UndoStarted);
        progress[1].Should().Be(NodeState.Failed);
        progress[2].Should().Be(NodeState.UndoFinished);
        progress[3].Should().Be(NodeState.NeverStarted);
    }
}
