using System.Buffers.Binary;
using System.Security.Cryptography;
using SagaRecovery.Bookkeeping;

namespace SagaRecovery.Storage;

/// <summary>The SHA-256 of a definition's DAG.</summary>
/// <remarks>Two definitions are the same if their hashes are equal. A binary can run a saga only if it has a definition with the saga's hash.</remarks>
public readonly record struct DefinitionHash
{
    private readonly UInt128 _high; // two numbers instead of an array or a string: each loaded saga has a hash, and it costs no allocation
    private readonly UInt128 _low;

    private DefinitionHash(UInt128 high, UInt128 low)
    {
        _high = high;
        _low = low;
    }

    /// <summary>Hashes a DAG.</summary>
    /// <param name="dag">The DAG as JSON in UTF-8.</param>
    /// <returns>The hash of these bytes.</returns>
    public static DefinitionHash Of(ReadOnlySpan<byte> dag) => FromBytes(SHA256.HashData(dag));

    /// <summary>Creates a hash from its bytes.</summary>
    /// <param name="bytes">The 32 bytes of the hash, as <see cref="ToBytes"/> returns them.</param>
    /// <returns>The hash.</returns>
    /// <exception cref="ArgumentException"><paramref name="bytes"/> does not have 32 bytes.</exception>
    public static DefinitionHash FromBytes(ReadOnlySpan<byte> bytes) => bytes.Length == SHA256.HashSizeInBytes
        ? new DefinitionHash(BinaryPrimitives.ReadUInt128BigEndian(bytes), BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]))
        : throw new ArgumentException($"A SHA-256 has {SHA256.HashSizeInBytes} bytes, not {bytes.Length}.", nameof(bytes));

    /// <summary>Returns the 32 bytes of the hash.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, _high);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(16), _low);
        return bytes;
    }

    /// <summary>Returns the identity by which a listing names the definition.</summary>
    /// <remarks>It allocates. A store keeps one object for each definition, and not one for each saga.</remarks>
    public DefinitionKey ToKey() => new(ToString());

    /// <summary>Returns the hash as 64 lowercase hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(ToBytes());
}
