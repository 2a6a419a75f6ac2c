using System.Globalization;

namespace SagaRecovery.Status;

/// <summary>Formats values and untrusted text for terminals, logs and reports.</summary>
/// <remarks>
/// Names, errors and comments come from outside. Control characters and line separators in them could forge lines. Invisible format
/// characters could reverse the text. A text of megabytes would hide the rest of the output. All members are thread-safe.
/// </remarks>
public static class PlainText
{
    /// <summary>The maximum length of a text in a report, in characters.</summary>
    public const int Longest = 200;

    /// <summary>Converts a text to a single line that is safe to print.</summary>
    /// <param name="text">The untrusted text.</param>
    /// <param name="longest">The maximum number of characters that are kept.</param>
    /// <returns>The text with spaces in place of control and format characters, truncated if it is too long.</returns>
    public static string OneLine(string text, int longest = Longest)
    {
        if (text.Length <= longest && text.All(IsPlain))
        {
            return text; // the common case
        }

        string kept = text.Length <= longest ? text : string.Concat(text.AsSpan(0, CutLength(text, longest)), "…");
        return string.Create(kept.Length, kept, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                span[i] = IsPlain(source[i]) ? source[i] : ' ';
            }
        });
    }

    /// <summary>Converts a text to a single line that a sentence can continue: without its final period or colon.</summary>
    /// <param name="text">The untrusted text, such as the message of an error or the reason of an operator.</param>
    /// <param name="longest">The maximum number of characters that are kept.</param>
    /// <returns>The line; <c>no reason given</c> for an empty text.</returns>
    public static string Clause(string text, int longest = Longest) =>
        OneLine(text, longest).TrimEnd('.', ':', ';', ',', ' ') is { Length: > 0 } clause ? clause : "no reason given";

    /// <summary>Formats a count with its noun: "1 saga", "2 sagas", "12,345 sagas".</summary>
    /// <param name="count">The count.</param>
    /// <param name="one">The noun in the singular. Its plural must end in s.</param>
    public static string Count(long count, string one) => Invariant($"{count:N0} {one}{(count == 1 ? "" : "s")}");

    /// <summary>Formats a duration as a whole number of its largest suitable unit: 8ms, 3s, 10m, 2h.</summary>
    /// <remarks>A negative duration, as after a clock was set back, becomes 0ms.</remarks>
    public static string Duration(TimeSpan span) => span switch
    {
        _ when span < TimeSpan.FromSeconds(1) => Invariant($"{Math.Floor(Math.Max(0, span.TotalMilliseconds)):F0}ms"),
        _ when span < TimeSpan.FromMinutes(2) => Invariant($"{Math.Floor(span.TotalSeconds):F0}s"),
        _ when span < TimeSpan.FromHours(2) => Invariant($"{Math.Floor(span.TotalMinutes):F0}m"),
        _ => Invariant($"{Math.Floor(span.TotalHours):F0}h"),
    };

    /// <summary>Formats a time in UTC to the second: <c>2026-11-22T18:33:34Z</c>.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    /// <summary>Formats a time in UTC to the millisecond: <c>2026-11-22T18:33:34.620Z</c>.</summary>
    public static string PreciseTime(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    /// <summary>Returns the length to keep of a text that is too long, without splitting a surrogate pair.</summary>
    private static int CutLength(string text, int longest) => char.IsHighSurrogate(text[longest - 1]) ? longest - 1 : longest;

    private static bool IsPlain(char character) => char.GetUnicodeCategory(character) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
