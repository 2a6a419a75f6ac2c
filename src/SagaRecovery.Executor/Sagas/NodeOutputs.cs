using System.Text.Json;

namespace SagaRecovery;

/// <summary>
/// The outputs of the nodes of one saga. Outputs are always read back from JSON, so that a node sees the same value after a crash as without
/// one. A node reads only outputs that were recorded before it started, so no lock is needed.
/// </summary>
/// <param name="shape">The nodes of the saga.</param>
/// <param name="outputOf">Returns the output of a node: JSON in UTF-8.</param>
/// <param name="json">The JSON options.</param>
internal sealed class NodeOutputs(SagaShape shape, Func<int, ReadOnlyMemory<byte>> outputOf, JsonSerializerOptions json)
{
    /// <summary>Returns true if the action of a node failed, so that its undo gets no output.</summary>
    public required Func<int, bool> HasFailed { get; init; }

    /// <summary>The largest output that is written, in bytes of JSON.</summary>
    public int MaxBytes { get; init; } = int.MaxValue;

    public SagaShape Shape => shape;

    /// <summary>Returns the outputs of the nodes of a subsaga, by their ids in it.</summary>
    /// <param name="inner">The nodes of the subsaga.</param>
    /// <param name="subsaga">The node that holds its parameters.</param>
    public NodeOutputs Within(SagaShape inner, int subsaga) => new(inner, node => outputOf(Subsaga.NodeId(subsaga, node)), json)
    {
        HasFailed = node => HasFailed(Subsaga.NodeId(subsaga, node)),
        MaxBytes = MaxBytes,
    };

    public TOutput Read<TOutput>(SagaNode<TOutput> node)
    {
        if (!Shape.Contains(node))
        {
            throw new ArgumentException($"Node '{node.Name}' is not a node of this saga.", nameof(node));
        }

        return JsonSerializer.Deserialize(outputOf(node.Id).Span, json.TypeInfo<TOutput>())!;
    }

    public TOutput Read<TOutput>(string node)
    {
        int id = Shape.Find(node);
        return id < 0
            ? throw new ArgumentException($"Node '{node}' is not a node of this saga.", nameof(node))
            : JsonSerializer.Deserialize(outputOf(id).Span, json.TypeInfo<TOutput>())!;
    }

    /// <summary>Reads an output for the code of a node. An unreadable output must not count as a failure of that code.</summary>
    public TOutput ReadForNode<TOutput>(SagaNode<TOutput> node)
    {
        try
        {
            return Read(node);
        }
        catch (Exception e) when (e is not ArgumentException) // from the serializer, or from a constructor or setter of the type
        {
            throw new SagaDataException($"The output of node '{node.Name}' cannot be deserialized to {typeof(TOutput)}: {e.Message}", e);
        }
    }

    /// <summary>Reads the output of a node for its undo.</summary>
    /// <returns>The output; <see langword="default"/> if the action failed.</returns>
    public TOutput? ReadForUndo<TOutput>(int node) =>
        HasFailed(node) ? default : ReadForNode(new SagaNode<TOutput>(node, Shape.NameOf(node)));

    /// <summary>Serializes the output of a node, and ensures that it can be stored as it is.</summary>
    /// <exception cref="SagaDataException">It cannot.</exception>
    public ReadOnlyMemory<byte> Write<TOutput>(string node, TOutput output)
    {
        byte[] written = Serialize(node, output);
        if (written.Length > MaxBytes)
        {
            throw new SagaDataException(
                $"The output of node '{node}' has {written.Length:N0} bytes, and the limit is {MaxBytes:N0}: return a reference to the data in place of "
                + $"the data, or raise {DurableExecutorOptions.SectionName}:{nameof(DurableExecutorOptions.MaxOutputBytes)}. The saga resumes then.");
        }

        return JsonRoundTrip.FindMistake(output, written, json) is { } mistake
            ? throw new SagaDataException($"The output of node '{node}' would not be stored as it was returned: {mistake}.")
            : written;
    }

    private byte[] Serialize<TOutput>(string node, TOutput output)
    {
        try
        {
            return JsonSerializer.SerializeToUtf8Bytes(output, json.TypeInfo<TOutput>());
        }
        catch (Exception e) // from the serializer, or from a getter of the type: the action itself has succeeded
        {
            throw new SagaDataException($"The output of node '{node}' cannot be serialized to JSON: {e.Message}", e);
        }
    }
}

/// <summary>
/// The exception for an output that cannot be serialized or deserialized. It is a fault of the binary that a later version may fix, so the
/// run is interrupted and the saga resumed later. As a failed action, it would unwind the saga without undoing the effect of that action.
/// </summary>
internal sealed class SagaDataException(string message, Exception? inner = null) : Exception(message, inner);
