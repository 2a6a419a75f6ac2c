using System.Text.Json;

namespace SagaRecovery;

/// <summary>
/// What the nodes of one saga returned. Always read back from JSON, so that a node sees the same after a crash as without one. A node
/// reads only what was recorded before it was begun, hence no lock.
/// </summary>
/// <param name="shape">The nodes of the saga.</param>
/// <param name="outputOf">Returns what a node returned: JSON in UTF-8.</param>
/// <param name="json">Reads it.</param>
internal sealed class NodeOutputs(SagaShape shape, Func<int, ReadOnlyMemory<byte>> outputOf, JsonSerializerOptions json)
{
    public SagaShape Shape => shape;

    public TOutput Read<TOutput>(SagaNode<TOutput> node)
    {
        if (!Shape.Knows(node))
        {
            throw new ArgumentException($"Node '{node.Name}' is not a node of this saga.", nameof(node));
        }

        return JsonSerializer.Deserialize<TOutput>(outputOf(node.Id).Span, json)!;
    }

    /// <summary>As <see cref="Read"/>, for a node's code: what cannot be read is not that code's failure.</summary>
    public TOutput ReadForNode<TOutput>(SagaNode<TOutput> node)
    {
        try
        {
            return Read(node);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new SagaDataException($"What node '{node.Name}' returned cannot be read as {typeof(TOutput)}: {e.Message}", e);
        }
    }

    public TOutput ReadForNode<TOutput>(int node) => ReadForNode(new SagaNode<TOutput>(node, Shape.NameOf(node)));

    public ReadOnlyMemory<byte> Write<TOutput>(string node, TOutput output)
    {
        try
        {
            return JsonSerializer.SerializeToUtf8Bytes(output, json);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new SagaDataException($"What node '{node}' returned cannot be written as JSON: {e.Message}", e);
        }
    }
}

/// <summary>
/// An output cannot be written or read: a fault of the binary, which a better one may not have. So the saga is given up and tried again
/// later; taken for a failed action, it would be unwound without undoing what that action had done.
/// </summary>
internal sealed class SagaDataException(string message, Exception inner) : Exception(message, inner);
