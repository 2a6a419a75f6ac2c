using System.Diagnostics.CodeAnalysis;

namespace SagaRecovery;

/// <summary>The identity of one saga, unique over all coordinators and for all time.</summary>
/// <param name="Value">The id as it stands in the database.</param>
public readonly record struct SagaId(Guid Value) : IComparable<SagaId>, ISpanParsable<SagaId>
{
    /// <summary>Makes a new id: a UUIDv7 (RFC 9562), so that ids made later sort later.</summary>
    /// <param name="now">The time that goes into the id.</param>
    public static SagaId NewAt(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    /// <summary>Reads an id from its text form, as <see cref="Guid.Parse(string)"/> does.</summary>
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

    /// <summary>The lower-case form with hyphens, <c>052247e0-853d-4d16-80e7-7c618d97edd8</c>.</summary>
    public override string ToString() => Value.ToString();

    /// <summary>Orders by id.</summary>
    public static bool operator <(SagaId left, SagaId right) => left.CompareTo(right) < 0;

    /// <summary>Orders by id.</summary>
    public static bool operator >(SagaId left, SagaId right) => left.CompareTo(right) > 0;

    /// <summary>Orders by id.</summary>
    public static bool operator <=(SagaId left, SagaId right) => left.CompareTo(right) <= 0;

    /// <summary>Orders by id.</summary>
    public static bool operator >=(SagaId left, SagaId right) => left.CompareTo(right) >= 0;
}
