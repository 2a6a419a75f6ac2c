namespace SagaRecovery;

/// <summary>Describes how the nodes of a definition differ from the DAG that is stored for it.</summary>
internal static class ShapeDifference
{
    private const int MaxDescribed = 5;

    /// <summary>Returns the differences as clauses: <c>node 'b' was added, node 'c' was removed</c>.</summary>
    /// <param name="stored">The stored DAG, as <see cref="SagaShape.ToCanonicalJson"/> writes it.</param>
    /// <param name="shape">The nodes that are declared now.</param>
    public static string Describe(ReadOnlyMemory<byte> stored, SagaShape shape)
    {
        List<string> differences = [.. Find(NodesOf(SagaShape.TryRead(stored)), NodesOf(shape)).Take(MaxDescribed + 1)];
        return differences switch
        {
            [] => "its nodes are stored in another form",
            { Count: > MaxDescribed } => $"{string.Join(", ", differences.Take(MaxDescribed))}, and more",
            _ => string.Join(", ", differences),
        };
    }

    private static IEnumerable<string> Find(Node[] stored, Node[] declared)
    {
        Dictionary<string, Node> before = stored.ToDictionary(node => node.Name);
        HashSet<string> now = [.. declared.Select(node => node.Name)];
        foreach (Node node in declared)
        {
            if (!before.TryGetValue(node.Name, out Node? former))
            {
                yield return $"node '{node.Name}' was added";
                continue;
            }

            if (!node.After.SequenceEqual(former.After))
            {
                yield return $"node '{node.Name}' came after {Join(former.After)}, and now comes after {Join(node.After)}";
            }

            if (node.Subsaga != former.Subsaga)
            {
                yield return $"node '{node.Name}' was {Describe(former.Subsaga)}, and now is {Describe(node.Subsaga)}";
            }

            if (node.IsTransactional != former.IsTransactional)
            {
                yield return node.IsTransactional ? $"node '{node.Name}' became transactional" : $"node '{node.Name}' is no longer transactional";
            }

            if (node.HasUndo != former.HasUndo)
            {
                yield return node.HasUndo ? $"node '{node.Name}' got an undo" : $"node '{node.Name}' lost its undo";
            }
        }

        foreach (Node node in stored.Where(node => !now.Contains(node.Name)))
        {
            yield return $"node '{node.Name}' was removed";
        }

        if (stored.Length == declared.Length && now.SetEquals(before.Keys) && !stored.Select(node => node.Name).SequenceEqual(declared.Select(node => node.Name)))
        {
            yield return "the nodes are declared in another order";
        }
    }

    private static string Describe(SubsagaReference? subsaga) => subsaga is null ? "no subsaga" : $"subsaga '{subsaga.Name}' version {subsaga.Version}";

    private static string Join(string[] nodes) => nodes.Length == 0 ? "no node" : string.Join(" and ", nodes.Select(node => $"'{node}'"));

    private static Node[] NodesOf(SagaShape? shape) => shape is null ? [] :
    [
        .. Enumerable.Range(0, shape.Count).Select(node => new Node(
            shape.NameOf(node),
            shape.HasUndo(node),
            [.. shape.ParentsOf(node).ToArray().Select(shape.NameOf).Order(StringComparer.Ordinal)],
            shape.SubsagaOf(node),
            shape.IsTransactional(node))),
    ];

    private sealed record Node(string Name, bool HasUndo, string[] After, SubsagaReference? Subsaga, bool IsTransactional);
}
