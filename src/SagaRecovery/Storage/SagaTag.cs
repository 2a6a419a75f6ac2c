using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace SagaRecovery.Storage;

/// <summary>A tag of a saga: a name and a value given at its start, to find the saga by. Tags annotate a saga and do not identify it.</summary>
/// <param name="Name">The name. It has no <c>=</c>, and at most <see cref="MaxNameBytes"/> bytes in UTF-8.</param>
/// <param name="Value">The value. It may be empty, and has at most <see cref="MaxValueBytes"/> bytes in UTF-8.</param>
public sealed record SagaTag(string Name, string Value)
{
    /// <summary>The maximum number of tags of one saga.</summary>
    public const int MaxCount = 32;

    /// <summary>The maximum length of a name, in bytes of UTF-8.</summary>
    public const int MaxNameBytes = 256;

    /// <summary>The maximum length of a value, in bytes of UTF-8.</summary>
    public const int MaxValueBytes = 1_024;

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Creates the tags of a start, in the order of their names.</summary>
    /// <param name="tags">The values by name; null for none.</param>
    /// <exception cref="ArgumentException">There are too many tags, or one cannot be stored. The message names the limit.</exception>
    public static IReadOnlyList<SagaTag> From(IReadOnlyDictionary<string, string>? tags)
    {
        if (tags is null || tags.Count == 0)
        {
            return [];
        }

        SagaTag[] all = [.. tags.Select(tag => new SagaTag(tag.Key, tag.Value)).OrderBy(tag => tag.Name, StringComparer.Ordinal)];
        string? mistake = all.Length > MaxCount
            ? $"A saga has at most {MaxCount} tags, and {all.Length} are given."
            : all.Select(tag => tag.FindMistake()).FirstOrDefault(found => found is not null);
        return mistake is null ? all : throw new ArgumentException(mistake, nameof(tags));
    }

    /// <summary>Parses the text form of a tag, <c>name=value</c>.</summary>
    /// <param name="text">The text. The name ends at the first <c>=</c>.</param>
    /// <param name="tag">The tag, if the text is one.</param>
    /// <returns>True if the text is a tag that can be stored.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out SagaTag? tag)
    {
        int end = text?.IndexOf('=', StringComparison.Ordinal) ?? -1;
        tag = end < 0 ? null : new SagaTag(text![..end], text[(end + 1)..]);
        if (tag?.FindMistake() is not null)
        {
            tag = null;
        }

        return tag is not null;
    }

    /// <summary>Returns the text form, <c>name=value</c>.</summary>
    public override string ToString() => $"{Name}={Value}";

    /// <summary>Returns the reason why the tag cannot be stored, as a sentence; null if it can.</summary>
    internal string? FindMistake()
    {
        string label = Status.PlainText.OneLine(Name ?? "", longest: 80);
        return string.IsNullOrEmpty(Name) ? "The name of a tag is empty."
            : Name.Contains('=', StringComparison.Ordinal) ? $"The name of tag '{label}' contains '='."
            : Value is null ? $"The value of tag '{label}' is null."
            : LengthOf(Name) is not { } ofName || LengthOf(Value) is not { } ofValue
                ? $"Tag '{label}' contains a NUL character or half of a surrogate pair, which the store cannot keep."
            : ofName > MaxNameBytes ? $"The name of tag '{label}' has {ofName} bytes in UTF-8. The limit is {MaxNameBytes}."
            : ofValue > MaxValueBytes ? $"The value of tag '{label}' has {ofValue} bytes in UTF-8. The limit is {MaxValueBytes}."
            : null;
    }

    /// <summary>Returns the length in bytes; null for a text that cannot be stored.</summary>
    private static int? LengthOf(string text)
    {
        try
        {
            return text.Contains('\0', StringComparison.Ordinal) ? null : s_strict.GetByteCount(text);
        }
        catch (EncoderFallbackException)
        {
            return null;
        }
    }
}
