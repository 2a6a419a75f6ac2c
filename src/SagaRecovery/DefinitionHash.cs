using System.Security.Cryptography;

namespace SagaRecovery;

/// <summary>The SHA-256 of a definition's DAG: what tells exactly whether a binary has the definition that a saga was started with.</summary>
public readonly record struct DefinitionHash
{
    private readonly string? _hex; // null in default(DefinitionHash), which equals no real hash

    private DefinitionHash(string hex) => _hex = hex;

    /// <summary>Hashes a DAG.</summary>
    /// <param name="dag">JSON in UTF-8.</param>
    public static DefinitionHash Of(ReadOnlySpan<byte> dag) => FromBytes(SHA256.HashData(dag));

    /// <summary>The hash with these 32 bytes.</summary>
    public static DefinitionHash FromBytes(ReadOnlySpan<byte> bytes) => new(Convert.ToHexStringLower(bytes));

    /// <summary>The 32 bytes.</summary>
    public byte[] ToBytes() => Convert.FromHexString(_hex ?? "");

    /// <summary>64 hexadecimal digits in lower case.</summary>
    public override string ToString() => _hex ?? "";
}
