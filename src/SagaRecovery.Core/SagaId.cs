using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace SagaRecovery;

/// <summary>The identity of a saga, unique across all coordinators. Ids are never reused.</summary>
/// <param name="Value">The id as stored in the database.</param>
public readonly record struct SagaId(Guid Value) : IComparable<SagaId>, ISpanParsable<SagaId>
{
    /// <summary>Creates a new id.</summary>
    /// <remarks>The id is a UUIDv7 (RFC 9562), so that newer ids sort after older ones.</remarks>
    /// <param name="now">The timestamp that the id carries.</param>
    public static SagaId NewAt(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    /// <summary>Returns the id of the saga of a definition that a caller's key names, such as the key of a retried request.</summary>
    /// <param name="name">The name of the definition. The same key names another saga of another definition.</param>
    /// <param name="key">The key, compared by its characters.</param>
    /// <returns>A UUIDv8 (RFC 9562), the same for the same arguments in every process. It does not sort by time.</returns>
    /// <exception cref="ArgumentException">An argument is empty.</exception>
    public static SagaId FromKey(string name, string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(key);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{name.Length}:{name}{key}"), hash); // the length separates the two
        return new(UuidV8.From(hash));
    }

    /// <summary>Parses the text form of an id, as <see cref="Guid.Parse(string)"/> does.</summary>
    /// <exception cref="ArgumentNullException">The text is null.</exception>
    /// <exception cref="FormatException">The text is not a UUID.</exception>
    public static SagaId Parse(string s) => new(Guid.Parse(s));

    /// <inheritdoc />
    public static SagaId Parse(string s, IFormatProvider? provider) => new(Guid.Parse(s, provider));

    /// <inheritdoc />
    public static SagaId Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => new(Guid.Parse(s, provider));

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out SagaId result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc />
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out SagaId result)
    {
        bool parsed = Guid.TryParse(s, provider, out Guid value);
        result = new SagaId(value);
        return parsed;
    }

    /// <inheritdoc />
    public int CompareTo(SagaId other) => Value.CompareTo(other.Value);

    /// <summary>Returns the lower-case form with hyphens, such as <c>052247e0-853d-4d16-80e7-7c618d97edd8</c>.</summary>
    public override string ToString() => Value.ToString();

    /// <summary>Returns true if <paramref name="left"/> is less than <paramref name="right"/>.</summary>
    public static bool operator <(SagaId left, SagaId right) => left.CompareTo(right) < 0;

    /// <summary>Returns true if <paramref name="left"/> is greater than <paramref name="right"/>.</summary>
    public static bool operator >(SagaId left, SagaId right) => left.CompareTo(right) > 0;

    /// <summary>Returns true if <paramref name="left"/> is less than or equal to <paramref name="right"/>.</summary>
    public static bool operator <=(SagaId left, SagaId right) => left.CompareTo(right) <= 0;

    /// <summary>Returns true if <paramref name="left"/> is greater than or equal to <paramref name="right"/>.</summary>
    public static bool operator >=(SagaId left, SagaId right) => left.CompareTo(right) >= 0;
}
