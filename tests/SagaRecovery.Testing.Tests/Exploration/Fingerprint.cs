using System.Buffers.Binary;
using System.Security.Cryptography;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>Collects everything that the future depends on. Two worlds with the same fingerprint have the same future.</summary>
internal sealed class Fingerprint
{
    private readonly List<byte> _bytes = new(capacity: 256);

    public void Add(int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        _bytes.AddRange(bytes);
    }

    public void Add(bool value) => _bytes.Add(value ? (byte)1 : (byte)0);

    public void Add(IReadOnlyCollection<int> values)
    {
        Add(values.Count);
        foreach (int value in values)
        {
            Add(value);
        }
    }

    /// <summary>128 bits of SHA-256: among a billion worlds, two different ones collide with a probability of 10^-21.</summary>
    public UInt128 Value =>
        BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes)));
}
