using System.Buffers.Binary;
using System.Security.Cryptography;

namespace SagaRecovery.Storage;

/// <summary>The SHA-256 of a definition's DAG: what tells exactly whether a binary has the definition that a saga was started with.</summary>
public readonly record struct DefinitionHash
{
    private readonly UInt128 _high; // two numbers in place of an array or a text: one hash to a saga that is loaded, and no object for it
    private readonly UInt128 _low;

    private DefinitionHash(UInt128 high, UInt128 low)
    {
        _high = high;
        _low = low;
    }

    /// <summary>Hashes a DAG.</summary>
    /// <param name="dag">JSON in UTF-8.</param>
    public static DefinitionHash Of(ReadOnlySpan<byte> dag) => FromBytes(SHA256.HashData(dag));

    /// <summary>The hash with these 32 bytes.</summary>
    /// <exception cref="ArgumentException">These are not 32 bytes.</exception>
    public static DefinitionHash FromBytes(ReadOnlySpan<byte> bytes) => bytes.Length == SHA256.HashSizeInBytes
        ? new DefinitionHash(BinaryPrimitives.ReadUInt128BigEndian(bytes), BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]))
        : throw new ArgumentException($"A SHA-256 has {SHA256.HashSizeInBytes} bytes, not {bytes.Length}.", nameof(bytes));

    /// <summary>The 32 bytes.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, _high);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(16), _low);
        return bytes;
    }

    /// <summary>64 hexadecimal digits in lower case.</summary>
    public override string ToString() => Convert.ToHexStringLower(ToBytes());
}
