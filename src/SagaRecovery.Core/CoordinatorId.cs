using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace SagaRecovery;

/// <summary>The identity of a saga execution coordinator, the process that owns and runs sagas.</summary>
/// <remarks>
/// The id is configured, as a UUID or as a name. It must stay the same when the process restarts, and no two processes may use it at one
/// time.
/// </remarks>
/// <param name="Value">The id as stored in the database.</param>
[TypeConverter(typeof(CoordinatorIdConverter))]
public readonly record struct CoordinatorId(Guid Value) : IParsable<CoordinatorId>
{
    private const int ShortestMistypedId = 30; // a UUID without its hyphens has 32 digits
    private const int MostMistypedDigits = 2;

    /// <summary>The namespace of the ids that are made from names.</summary>
    /// <value><c>ee890c81-a7d6-4b7c-80dd-641cb41d2d8f</c>.</value>
    public static Guid NameNamespace { get; } = new("ee890c81-a7d6-4b7c-80dd-641cb41d2d8f");

    /// <summary>Returns the id of a name, such as the name of a pod or a host.</summary>
    /// <param name="name">The name. It is case-sensitive, and its spaces count.</param>
    /// <returns>The UUIDv5 (RFC 9562, section 5.5) of the name in UTF-8 and the namespace <see cref="NameNamespace"/>.</returns>
    /// <exception cref="ArgumentException">The name is empty or consists of spaces.</exception>
    public static CoordinatorId FromName(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        byte[] named = [.. NameNamespace.ToByteArray(bigEndian: true), .. Encoding.UTF8.GetBytes(name)];
#pragma warning disable CA5350 // UUIDv5 is defined on SHA-1; nothing relies on it as a secret
        Span<byte> id = SHA1.HashData(named).AsSpan(0, 16);
#pragma warning restore CA5350
        id[6] = (byte)((id[6] & 0x0F) | 0x50); // version 5
        id[8] = (byte)((id[8] & 0x3F) | 0x80); // variant of RFC 9562
        return new CoordinatorId(new Guid(id, bigEndian: true));
    }

    /// <summary>Returns the id that a text gives as a UUID, or as a name.</summary>
    /// <param name="s">A UUID, or any other text, which counts as a name: see <see cref="FromName"/>.</param>
    /// <exception cref="FormatException">The text is empty, or looks like a UUID with a mistake.</exception>
    public static CoordinatorId Parse(string s) => Parse(s, null);

    /// <inheritdoc cref="Parse(string)" />
    public static CoordinatorId Parse(string s, IFormatProvider? provider)
    {
        ArgumentNullException.ThrowIfNull(s);
        return TryParse(s, provider, out CoordinatorId id)
            ? id
            : throw new FormatException(
                string.IsNullOrWhiteSpace(s) ? "A coordinator id must not be empty." : $"'{s}' looks like a UUID, and is none: check its digits.");
    }

    /// <inheritdoc cref="Parse(string)" />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out CoordinatorId result)
    {
        result = default;
        if (Guid.TryParse(s, provider, out Guid value))
        {
            result = new CoordinatorId(value);
            return true;
        }

        if (string.IsNullOrWhiteSpace(s) || IsMistypedId(s))
        {
            return false;
        }

        result = FromName(s);
        return true;
    }

    /// <summary>Returns the lower-case form with hyphens.</summary>
    public override string ToString() => Value.ToString();

    /// <summary>Returns true for a text that is a UUID but for a few characters. As a name it would silently become another id.</summary>
    private static bool IsMistypedId(string text) =>
        text.Length >= ShortestMistypedId
        && text.Count(character => !char.IsAsciiHexDigit(character) && character is not ('-' or '{' or '}')) <= MostMistypedDigits;
}
