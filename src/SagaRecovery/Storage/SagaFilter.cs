using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace SagaRecovery.Storage;

/// <summary>A filter for listing sagas. All of its conditions must hold; a null property does not filter.</summary>
public sealed record SagaFilter
{
    /// <summary>The maximum number of sagas to return.</summary>
    /// <value>At least 1. The default is 100.</value>
    public int Limit { get; init; } = 100;

    /// <summary>The state of the sagas.</summary>
    public SagaState? State { get; init; }

    /// <summary>A value indicating whether to list only sagas in progress: running or unwinding.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool UnfinishedOnly { get; init; }

    /// <summary>A value indicating whether to list only sagas that are held.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool HeldOnly { get; init; }

    /// <summary>The owner of the sagas.</summary>
    public CoordinatorId? Owner { get; init; }

    /// <summary>The name of their definition.</summary>
    public string? Name { get; init; }

    /// <summary>The version of their definition.</summary>
    public int? Version { get; init; }

    /// <summary>The earliest time of their insertion.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>The time before which they were inserted.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>The node whose failure unwinds them, or whose undo made them stuck.</summary>
    public string? FailedNode { get; init; }

    /// <summary>The code of that failure.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>The tags that they all have.</summary>
    /// <value>The default is empty.</value>
    public IReadOnlyList<SagaTag> Tags { get; init; } = [];

    /// <summary>The place of the last saga of the previous page. Only sagas after it in the list, which are older, are listed.</summary>
    public SagaCursor? Before { get; init; }
}

/// <summary>A place in the list of sagas, which goes from the newest to the oldest. Its text form is opaque.</summary>
/// <param name="TimeCreated">The time at which the saga in that place was inserted, to the microsecond.</param>
/// <param name="SagaId">That saga.</param>
public readonly record struct SagaCursor(DateTimeOffset TimeCreated, SagaId SagaId)
{
    private const int Length = sizeof(long) + 16;

    /// <summary>Returns the place of a saga in a list.</summary>
    public static SagaCursor Of(SagaSummary saga) => new(saga.TimeCreated, saga.Id);

    /// <summary>Parses the text form.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cursor">The place, if the text is one.</param>
    /// <returns>True if the text is a place.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out SagaCursor cursor)
    {
        cursor = default;
        Span<byte> bytes = stackalloc byte[Length + 2];
        if (text is null || !Base64Url.IsValid(text) || !Base64Url.TryDecodeFromChars(text, bytes, out int written) || written != Length)
        {
            return false;
        }

        long ticks = BinaryPrimitives.ReadInt64BigEndian(bytes);
        if (ticks < DateTimeOffset.MinValue.Ticks || ticks > DateTimeOffset.MaxValue.Ticks)
        {
            return false;
        }

        cursor = new SagaCursor(new DateTimeOffset(ticks, TimeSpan.Zero), new SagaId(new Guid(bytes[sizeof(long)..Length], bigEndian: true)));
        return true;
    }

    /// <summary>Returns the text form, which <see cref="TryParse"/> reads.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        BinaryPrimitives.WriteInt64BigEndian(bytes, TimeCreated.UtcTicks);
        SagaId.Value.TryWriteBytes(bytes[sizeof(long)..], bigEndian: true, out _);
        return Base64Url.EncodeToString(bytes);
    }
}

/// <summary>A search for sagas took too long and was stopped.</summary>
/// <remarks>Few sagas match among very many that the search has to read. The message names the conditions that would narrow it.</remarks>
[SuppressMessage("Design", "CA1032", Justification = "Only the store creates it, with a message.")]
public sealed class SearchTimeoutException(string message, Exception cause) : TimeoutException(message, cause);
