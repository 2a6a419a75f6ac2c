using System.Text.Json;
using System.Text.Json.Serialization;

namespace SagaRecovery.Storage;

/// <summary>A definition's nodes and edges, as the durable executor stores them.</summary>
/// <param name="Nodes">By id, from 0.</param>
public sealed record SagaGraph(IReadOnlyList<SagaGraphNode> Nodes)
{
    /// <summary>Reads a stored DAG.</summary>
    /// <param name="dag">JSON in UTF-8.</param>
    /// <returns>Null: it is not of the form that is known here, as with another executor.</returns>
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

    /// <summary>The node's name, or its number where there is no such node.</summary>
    public string NameOf(int node) => node >= 0 && node < Nodes.Count ? Nodes[node].Name : $"node {node}";

    /// <summary>The node with this name.</summary>
    public SagaGraphNode? Find(string name) => Nodes.FirstOrDefault(node => node.Name == name);

    /// <summary>Ids run from 0, and edges lead from lower to higher: no cycle.</summary>
    private static bool IsSound(IReadOnlyList<SagaGraphNode> nodes) => nodes.Index().All(entry =>
        entry.Item is { Name: not null, After: not null } node
        && node.Id == entry.Index
        && node.After.All(parent => parent >= 0 && parent < node.Id));

    internal sealed record Stored(IReadOnlyList<SagaGraphNode>? Nodes);
}

/// <summary>One node of a graph.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Name">Its name.</param>
/// <param name="Undo">Whether it can be undone.</param>
/// <param name="After">The nodes that have to succeed before it starts.</param>
public sealed record SagaGraphNode(int Id, string Name, bool Undo, IReadOnlyList<int> After);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(SagaGraph.Stored))]
internal sealed partial class SagaGraphJson : JsonSerializerContext;
