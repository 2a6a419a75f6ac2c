using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace SagaRecovery.Executor.Tests.Progress;

/// <summary>The end of one node that is under way.</summary>
/// <param name="Pick">The index of the node among those under way, modulo their number.</param>
/// <param name="Fails">True if its action or undo fails.</param>
/// <param name="WithNext">True if the next one ends before the saga decides its next steps: they are written together.</param>
internal readonly record struct NodeEnd(int Pick, bool Fails, bool WithNext)
{
    public override string ToString() => $"{Pick.ToString(CultureInfo.InvariantCulture)}{(Fails ? " fails" : "")}{(WithNext ? " with" : "")}";
}

/// <summary>
/// A DAG, the ends of its nodes, the number of ends after which the saga is cancelled, the cut of the log, and the ends of the nodes of the resumed saga. Where a list of ends is exhausted, the first
/// node under way succeeds.
/// </summary>
internal sealed record SagaCase(ShapeNode[] Nodes, NodeEnd[] Ends, int? CancelAfter, int Cut, NodeEnd[] EndsAfter)
{
    private const int MaxNodes = 12;

    public static Arbitrary<SagaCase> Any { get; } = Arb.From(Generate(), Shrink);

    public SagaShape Shape => new(Nodes);

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (ShapeNode node in Nodes)
        {
            text.Append(node.Name).Append(node.HasUndo ? "" : " (no undo)").Append(" after [").AppendJoin(' ', node.Parents).Append("]; ");
        }

        return text.Append("ends: [").AppendJoin(", ", Ends).Append($"]; cancelled after {CancelAfter?.ToString(CultureInfo.InvariantCulture) ?? "nothing"}; cut at {Cut}; ends after: [").AppendJoin(", ", EndsAfter).Append(']').ToString();
    }

    private static Gen<SagaCase> Generate() =>
        from count in Gen.Choose(1, MaxNodes)
        from nodes in Gen.CollectToArray(Enumerable.Range(0, count), GenerateNode)
        from ends in GenerateEnds(count)
        from cancelAfter in Gen.Frequency((1, Gen.Constant((int?)null)), (1, Gen.Choose(0, 2 * count).Select(ends => (int?)ends)))
        from cut in Gen.Choose(0, 4 * count)
        from endsAfter in GenerateEnds(count)
        select new SagaCase(nodes, ends, cancelAfter, cut, endsAfter);

    /// <summary>Few parents, or no nodes would be parallel.</summary>
    private static Gen<ShapeNode> GenerateNode(int id) =>
        from parents in Gen.Frequency(
            (1, Gen.Constant(0)),
            (3, Gen.Choose(0, Math.Min(id, 1))),
            (2, Gen.Choose(0, Math.Min(id, 3))))
        from ids in Gen.ArrayOf(Gen.Choose(0, Math.Max(0, id - 1)), parents)
        from hasUndo in Gen.Frequency((3, Gen.Constant(true)), (1, Gen.Constant(false)))
        select new ShapeNode($"n{id}", hasUndo, [.. ids.Distinct().Order()]);

    /// <summary>Failures are rare enough for most sagas to get far, in some runs there are none.</summary>
    private static Gen<NodeEnd[]> GenerateEnds(int nodes) =>
        from oneIn in Gen.Elements(3, 10, 30, int.MaxValue)
        from ends in Gen.ArrayOf(
            from pick in Gen.Choose(0, MaxNodes - 1)
            from dice in Gen.Choose(1, 1000)
            from withNext in Gen.Elements(true, false)
            select new NodeEnd(pick, dice % oneIn == 0, withNext),
            2 * nodes)
        select ends;

    /// <summary>Smaller in one respect: a node less, an edge less, an undo more, fewer or plainer ends, an earlier cut.</summary>
    private static IEnumerable<SagaCase> Shrink(SagaCase it)
    {
        for (int node = it.Nodes.Length - 1; node >= 0 && it.Nodes.Length > 1; node--)
        {
            yield return it with { Nodes = Without(it.Nodes, node) };
        }

        for (int node = 0; node < it.Nodes.Length; node++)
        {
            ShapeNode whole = it.Nodes[node];
            foreach (int parent in whole.Parents)
            {
                yield return it with { Nodes = Replace(it.Nodes, node, whole with { Parents = [.. whole.Parents.Where(other => other != parent)] }) };
            }

            if (!whole.HasUndo)
            {
                yield return it with { Nodes = Replace(it.Nodes, node, whole with { HasUndo = true }) };
            }
        }

        foreach (NodeEnd[] ends in Fewer(it.Ends))
        {
            yield return it with { Ends = ends };
        }

        foreach (NodeEnd[] ends in Fewer(it.EndsAfter))
        {
            yield return it with { EndsAfter = ends };
        }

        foreach (int? cancelAfter in new int?[] { null, it.CancelAfter / 2, it.CancelAfter - 1 }.Where(after => it.CancelAfter > (after ?? -1) && after is null or >= 0))
        {
            yield return it with { CancelAfter = cancelAfter };
        }

        foreach (int cut in new[] { 0, it.Cut / 2, it.Cut - 1 }.Where(cut => cut >= 0 && cut < it.Cut).Distinct())
        {
            yield return it with { Cut = cut };
        }
    }

    private static IEnumerable<NodeEnd[]> Fewer(NodeEnd[] ends)
    {
        if (ends.Length > 1)
        {
            yield return ends[..(ends.Length / 2)];
        }

        for (int i = ends.Length - 1; i >= 0; i--)
        {
            yield return [.. ends[..i], .. ends[(i + 1)..]];
            NodeEnd plainer = ends[i] with { Pick = 0, WithNext = false };
            foreach (NodeEnd end in new[] { default, plainer }.Distinct().Where(end => end != ends[i])) // to itself: it would never end
            {
                yield return Replace(ends, i, end);
            }
        }
    }

    private static ShapeNode[] Without(ShapeNode[] nodes, int removed) =>
    [
        .. nodes.Where((_, id) => id != removed).Select((node, id) => new ShapeNode(
            $"n{id}", node.HasUndo, [.. node.Parents.Where(parent => parent != removed).Select(parent => parent > removed ? parent - 1 : parent)])),
    ];

    private static T[] Replace<T>(T[] items, int index, T item) => [.. items[..index], item, .. items[(index + 1)..]];
}
