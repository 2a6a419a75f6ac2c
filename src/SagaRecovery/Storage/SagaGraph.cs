using System.Text.Json;
using System.Text.Json.Serialization;

namespace SagaRecovery.Storage;

/// <summary>The nodes and edges of a definition, in the form that the durable executor stores.</summary>
/// <param name="Nodes">The nodes, by id from 0.</param>
public sealed record SagaGraph(IReadOnlyList<SagaGraphNode> Nodes)
{
    /// <summary>Reads a stored DAG.</summary>
    /// <param name="dag">The DAG as JSON in UTF-8.</param>
    /// <returns>The graph; null if the DAG has another form, as with another executor.</returns>
    public static SagaGraph? TryRead(ReadOnlySpan<byte> dag)
    {
        try
        {
            Stored? stored = JsonSerializer.Deserialize(dag, SagaGraphJson.Default.Stored);
            return stored is { Nodes: { Count: > 0 } nodes } && IsSound(nodes) ? new SagaGraph(nodes) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Returns the name of a node, or its number if the graph has no such node.</summary>
    public string NameOf(int node) => node >= 0 && node < Nodes.Count ? Nodes[node].Name : $"node {node}";

    /// <summary>Returns the subsagas that contain a node, outermost first: the nodes that hold their parameters.</summary>
    public IReadOnlyList<SagaGraphNode> ContainersOf(SagaGraphNode node) =>
        [.. Subsagas.Where(subsaga => node.Name.StartsWith($"{subsaga.Name}/", StringComparison.Ordinal))];

    /// <summary>The nodes that hold the parameters of subsagas. One that contains another precedes it.</summary>
    private SagaGraphNode[] Subsagas => field ??= [.. Nodes.Where(node => node.Subsaga is not null)];

    /// <summary>Finds a node by name. Returns null if the graph has no such node.</summary>
    public SagaGraphNode? Find(string name) => Nodes.FirstOrDefault(node => node.Name == name);

    /// <summary>Ids must count up from 0, and edges must lead from lower to higher ids, which excludes cycles.</summary>
    private static bool IsSound(IReadOnlyList<SagaGraphNode> nodes) => nodes.Index().All(entry =>
        entry.Item is { Name: not null, After: not null } node
        && node.Id == entry.Index
        && node.After.All(parent => parent >= 0 && parent < node.Id));

    internal sealed record Stored(IReadOnlyList<SagaGraphNode>? Nodes);
}

/// <summary>One node of a graph.</summary>
/// <param name="Id">The number of the node.</param>
/// <param name="Name">The name of the node.</param>
/// <param name="Undo">True if the node has an undo.</param>
/// <param name="After">The nodes that must succeed before this node starts.</param>
public sealed record SagaGraphNode(int Id, string Name, bool Undo, IReadOnlyList<int> After)
{
    /// <summary>The definition of the subsaga whose parameters the node holds.</summary>
    /// <value>Null for any other node. The names of the nodes of a subsaga begin with the name of this node and a slash.</value>
    public SagaGraphSubsaga? Subsaga { get; init; }

    /// <summary>True if the node commits its effect with the events that end it.</summary>
    public bool Transactional { get; init; }
}

/// <summary>The definition of a subsaga.</summary>
/// <param name="Name">The name of the definition.</param>
/// <param name="Version">The version of the definition.</param>
public sealed record SagaGraphSubsaga(string Name, int Version);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(SagaGraph.Stored))]
internal sealed partial class SagaGraphJson : JsonSerializerContext;
