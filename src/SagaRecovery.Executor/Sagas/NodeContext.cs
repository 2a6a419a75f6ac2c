using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace SagaRecovery;

/// <summary>The context that an action or an undo receives. Thread-safe.</summary>
/// <typeparam name="TParameters">The type of the saga's parameters.</typeparam>
public sealed class NodeContext<TParameters>
{
    private readonly NodeOutputs _outputs;
    private readonly int _nodeId;

    internal NodeContext(SagaId sagaId, int nodeId, TParameters parameters, NodeOutputs outputs, CancellationToken cancellationToken)
    {
        SagaId = sagaId;
        Parameters = parameters;
        CancellationToken = cancellationToken;
        _outputs = outputs;
        _nodeId = nodeId;
    }

    /// <summary>The id of the saga.</summary>
    public SagaId SagaId { get; }

    /// <summary>The name of the node.</summary>
    public string NodeName => _outputs.Shape.NameOf(_nodeId);

    /// <summary>The parameters with which the saga was started.</summary>
    public TParameters Parameters { get; }

    /// <summary>The idempotency key of this node in this saga.</summary>
    /// <value>A UUIDv8 (RFC 9562), derived from the saga's id and the node's name.</value>
    /// <remarks>
    /// The key is the same in every process and for every run of the node, including its undo. Pass it to the services that the node calls,
    /// so that a repeated call has no second effect.
    /// </remarks>
    public Guid IdempotencyKey => CreateIdempotencyKey(SagaId, NodeName);

    /// <summary>The token that is cancelled when this process has to stop running the saga.</summary>
    /// <remarks>
    /// The process stops a saga when it shuts down, is fenced or relinquishes the saga. An exception after the cancellation does not count as
    /// a failure: the node runs again when the saga is resumed.
    /// </remarks>
    public CancellationToken CancellationToken { get; }

    /// <summary>Returns the output of an earlier node.</summary>
    /// <typeparam name="TOutput">The type of the output.</typeparam>
    /// <param name="node">A node that precedes this one, directly or through other nodes.</param>
    /// <returns>The output, deserialized from the log.</returns>
    /// <exception cref="ArgumentException">The node belongs to another saga, or does not precede this one and may not have run.</exception>
    public TOutput Output<TOutput>(SagaNode<TOutput> node)
    {
        if (_outputs.Shape.Contains(node) && !_outputs.Shape.ComesAfter(_nodeId, node.Id))
        {
            throw new ArgumentException(
                $"Node '{NodeName}' reads the output of node '{node.Name}' but does not come after it. Add '{node.Name}' to its 'after' nodes.",
                nameof(node));
        }

        return _outputs.ReadForNode(node);
    }

    internal static Guid CreateIdempotencyKey(SagaId sagaId, string nodeName)
    {
        byte[] name = Encoding.UTF8.GetBytes(nodeName);
        byte[] input = new byte[16 + name.Length];
        sagaId.Value.TryWriteBytes(input, bigEndian: true, out _);
        name.CopyTo(input, 16);

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input, hash);
        ushort versioned = (ushort)((BinaryPrimitives.ReadUInt16BigEndian(hash[6..]) & 0x0FFF) | 0x8000);
        BinaryPrimitives.WriteUInt16BigEndian(hash[6..], versioned);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80); // the variant of RFC 9562
        return new Guid(hash[..16], bigEndian: true);
    }
}
