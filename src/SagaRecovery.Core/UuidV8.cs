using System.Buffers.Binary;

namespace SagaRecovery;

/// <summary>UUIDs of version 8 (RFC 9562), whose bits the application chooses.</summary>
internal static class UuidV8
{
    /// <summary>Returns the UUID of the first 16 bytes of a hash, and sets version and variant.</summary>
    public static Guid From(Span<byte> hash)
    {
        ushort versioned = (ushort)((BinaryPrimitives.ReadUInt16BigEndian(hash[6..]) & 0x0FFF) | 0x8000);
        BinaryPrimitives.WriteUInt16BigEndian(hash[6..], versioned);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}
