using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace SagaRecovery;

/// <summary>What an action or an undo is given. Thread-safe.</summary>
/// <typeparam name="TParameters">What the saga was started with.</typeparam>
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

    /// <summary>Which saga.</summary>
    public SagaId SagaId { get; }

    /// <summary>Which node.</summary>
    public string NodeName => _outputs.Shape.NameOf(_nodeId);

    /// <summary>What the saga was started with.</summary>
    public TParameters Parameters { get; }

    /// <summary>
    /// The same for every run of this node in this saga, its undo included, in any process: hand it to whatever is called, so that a
    /// repeated call has no second effect. A UUIDv8 (RFC 9562) made from the saga's id and the node's name.
    /// </summary>
    public Guid IdempotencyKey => KeyOf(SagaId, NodeName);

    /// <summary>
    /// Fires when this process is to stop running the saga: shutdown, fenced, taken away. Whatever is thrown after that does not count
    /// as a failure; the node is run again where the saga is carried on.
    /// </summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>What a node returned that comes before this one.</summary>
    /// <param name="node">A node that this one comes after, directly or through others.</param>
    /// <exception cref="ArgumentException">The node is not of this saga, or does not come before this one: it may not have run.</exception>
    public TOutput Output<TOutput>(SagaNode<TOutput> node)
    {
        if (_outputs.Shape.Knows(node) && !_outputs.Shape.ComesAfter(_nodeId, node.Id))
        {
            throw new ArgumentException(
                $"Node '{NodeName}' reads the output of node '{node.Name}' but does not come after it: name '{node.Name}' in its 'after'.",
                nameof(node));
        }

        return _outputs.ReadForNode(node);
    }

    internal static Guid KeyOf(SagaId sagaId, string nodeName)
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
