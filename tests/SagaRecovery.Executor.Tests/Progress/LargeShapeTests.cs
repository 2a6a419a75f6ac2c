using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Progress;

/// <summary>
/// DAGs of thousands of nodes. The tests state no time: with decisions that look at every node for every node, they would not end in hours.
/// </summary>
public sealed class LargeShapeTests
{
    private const int Nodes = 10_000;

    private static readonly SagaShape s_chain = ShapeOf(node => node == 0 ? [] : [node - 1]);
    private static readonly SagaShape s_fan = ShapeOf(node => node switch { 0 => [], Nodes - 1 => [.. Enumerable.Range(1, Nodes - 2)], _ => [0] });

    public static TheoryData<string> Shapes => ["chain", "fan"];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_saga_of_many_nodes_succeeds(string shape)
    {
        SagaDrive drive = SagaDrive.New(Find(shape), []);

        drive.End.Should().Be(SagaState.Succeeded);
        drive.Acted.Should().HaveCount(Nodes).And.OnlyHaveUniqueItems();
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_saga_of_many_nodes_unwinds_after_its_last_node_failed_and_also_after_a_crash_in_the_middle(string shape)
    {
        NodeEnd[] lastFails = [.. Enumerable.Repeat(default(NodeEnd), Nodes - 1), new NodeEnd(0, Fails: true, WithNext: false)];

        SagaDrive drive = SagaDrive.New(Find(shape), lastFails);
        SagaDrive resumed = SagaDrive.Resume(Find(shape), [.. drive.Log.Take(3 * Nodes)], []);

        drive.End.Should().Be(SagaState.Unwound);
        drive.Undone.Should().HaveCount(Nodes - 1).And.OnlyHaveUniqueItems();
        resumed.End.Should().Be(SagaState.Unwound);
        resumed.Undone.Should().HaveCountGreaterThan(Nodes / 4);
    }

    [Fact]
    public void A_node_comes_after_all_its_ancestors_and_no_other_node()
    {
        s_chain.ComesAfter(Nodes - 1, 0).Should().BeTrue();
        s_chain.ComesAfter(0, Nodes - 1).Should().BeFalse();
        s_fan.ComesAfter(Nodes - 1, 0).Should().BeTrue();
        s_fan.ComesAfter(Nodes - 2, 1).Should().BeFalse();
        TestShapes.SevenNodes.ComesAfter(5, 2).Should().BeTrue();
        TestShapes.SevenNodes.ComesAfter(5, 5).Should().BeFalse();
        TestShapes.SevenNodes.ComesAfter(6, 1).Should().BeFalse();
    }

    private static SagaShape Find(string shape) => shape == "chain" ? s_chain : s_fan;

    private static SagaShape ShapeOf(Func<int, int[]> parentsOf) =>
        new([.. Enumerable.Range(0, Nodes).Select(node => new ShapeNode($"node {node}", HasUndo: true, parentsOf(node)))]);
}
