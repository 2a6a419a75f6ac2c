using System.Buffers;
using System.Text.Json;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>A node of the DAG.</summary>
/// <param name="Name">The name, with the names of the subsagas that contain the node.</param>
/// <param name="HasUndo">True if the node has an undo.</param>
/// <param name="Parents">The ids of the nodes that it comes after.</param>
internal readonly record struct ShapeNode(string Name, bool HasUndo, int[] Parents)
{
    /// <summary>The saga whose nodes follow; null for a node that holds no parameters of a subsaga.</summary>
    public SubsagaReference? Subsaga { get; init; }

    /// <summary>
    /// True if the code of the node runs in the transactions that write its ends. Part of the stored definition: after a change, an action that was
    /// interrupted would have its effect twice.
    /// </summary>
    public bool IsTransactional { get; init; }
}

/// <summary>The definition of a subsaga.</summary>
internal sealed record SubsagaReference(string Name, int Version);

/// <summary>The nodes and edges of a saga definition. Node ids start at 0, and the id of a parent is lower than that of its child. Immutable.</summary>
internal sealed class SagaShape
{
    /// <summary>Separates the names of subsagas and nodes in a path.</summary>
    public const char PathSeparator = '/';

    private readonly ShapeNode[] _nodes;
    private readonly int[][] _children;

    public SagaShape(IReadOnlyList<ShapeNode> nodes)
    {
        _nodes = [.. nodes];
        List<int>[] children = [.. _nodes.Select(_ => new List<int>())];
        for (int node = 0; node < _nodes.Length; node++)
        {
            foreach (int parent in _nodes[node].Parents)
            {
                children[parent].Add(node);
            }
        }

        _children = [.. children.Select(ids => ids.ToArray())];
        FirstEvents = [.. _nodes.Index().Where(node => node.Item.Parents.Length == 0).Select(node => new SavedNodeEvent(node.Index, NodeEventType.Started, default))];
    }

    /// <summary>Reads a stored DAG.</summary>
    /// <returns>The shape; null if another executor has stored the DAG in another form.</returns>
    public static SagaShape? TryRead(ReadOnlyMemory<byte> dag) => SagaGraph.TryRead(dag.Span) is { } graph
        ? new SagaShape([.. graph.Nodes.Select(node => new ShapeNode(node.Name, node.Undo, [.. node.After]) { Subsaga = ReferenceOf(node), IsTransactional = node.Transactional })])
        : null;

    private static SubsagaReference? ReferenceOf(SagaGraphNode node) => node.Subsaga is { } subsaga ? new(subsaga.Name, subsaga.Version) : null;

    public int Count => _nodes.Length;

    /// <summary>The events that must be in the log before a new saga takes its first steps: the starts of the nodes that come after no other.</summary>
    public IReadOnlyList<SavedNodeEvent> FirstEvents { get; }

    public string NameOf(int node) => _nodes[node].Name;

    public bool HasUndo(int node) => _nodes[node].HasUndo;

    public SubsagaReference? SubsagaOf(int node) => _nodes[node].Subsaga;

    public bool IsTransactional(int node) => _nodes[node].IsTransactional;

    public bool HasTransactionalNodes => Array.Exists(_nodes, node => node.IsTransactional);

    public ReadOnlySpan<int> ParentsOf(int node) => _nodes[node].Parents;

    public ReadOnlySpan<int> ChildrenOf(int node) => _children[node];

    /// <summary>Returns true if a node comes after another one, directly or through other nodes.</summary>
    public bool ComesAfter(int node, int ancestor)
    {
        if (_nodes[node].Parents.AsSpan().Contains(ancestor))
        {
            return true; // by far the most frequent case
        }

        HashSet<int> seen = [];
        var ahead = new Stack<int>(_nodes[node].Parents);
        while (ahead.TryPop(out int next))
        {
            if (next == ancestor)
            {
                return true;
            }

            if (next > ancestor && seen.Add(next)) // the ids of its ancestors are lower
            {
                foreach (int parent in _nodes[next].Parents)
                {
                    ahead.Push(parent);
                }
            }
        }

        return false;
    }

    /// <summary>Returns true if the shape has this node. Compared by value, since every build of a definition creates new node objects.</summary>
    public bool Contains(SagaNode node) => node.Id < _nodes.Length && _nodes[node.Id].Name == node.Name;

    /// <summary>Returns the id of the node with a name; -1 if there is none.</summary>
    public int Find(string name) => Array.FindIndex(_nodes, node => node.Name == name);

    /// <summary>Returns true if the shape has exactly these nodes, with these edges.</summary>
    public bool ConsistsOf(IReadOnlyList<ShapeNode> nodes) =>
        nodes.Count == _nodes.Length && nodes.Zip(_nodes).All(pair =>
            pair.First.Name == pair.Second.Name
            && pair.First.HasUndo == pair.Second.HasUndo
            && pair.First.Subsaga == pair.Second.Subsaga
            && pair.First.IsTransactional == pair.Second.IsTransactional
            && pair.First.Parents.AsSpan().SequenceEqual(pair.Second.Parents));

    /// <summary>
    /// Returns the canonical form that is hashed and stored. It must never change: with a changed byte, no new binary could resume any
    /// unfinished saga. A test pins it.
    /// </summary>
    public byte[] ToCanonicalJson(string name, int version)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("name"u8, name);
            json.WriteNumber("version"u8, version);
            json.WriteStartArray("nodes"u8);
            for (int node = 0; node < _nodes.Length; node++)
            {
                json.WriteStartObject();
                json.WriteNumber("id"u8, node);
                json.WriteString("name"u8, NameOf(node));
                json.WriteBoolean("undo"u8, HasUndo(node));
                json.WriteStartArray("after"u8);
                foreach (int parent in ParentsOf(node))
                {
                    json.WriteNumberValue(parent);
                }

                json.WriteEndArray();
                if (IsTransactional(node))
                {
                    json.WriteBoolean("transactional"u8, value: true);
                }

                if (SubsagaOf(node) is { } subsaga)
                {
                    json.WriteStartObject("subsaga"u8);
                    json.WriteString("name"u8, subsaga.Name);
                    json.WriteNumber("version"u8, subsaga.Version);
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
