using System.Globalization;

namespace SagaRecovery.Status;

/// <summary>
/// Names, errors and comments come from outside: shown on a terminal or in a log, control characters and line separators would forge
/// lines, invisible format characters would turn them round, and megabytes would bury them.
/// </summary>
public static class PlainText
{
    /// <summary>The longest text that a report shows, in characters.</summary>
    public const int Longest = 200;

    /// <summary>Text that is safe to show in one line: control and format characters become spaces, what is too long is cut.</summary>
    /// <param name="text">From outside.</param>
    /// <param name="longest">How many characters of it are kept.</param>
    public static string OneLine(string text, int longest = Longest)
    {
        if (text.Length <= longest && text.All(IsPlain))
        {
            return text; // nearly always
        }

        string cut = text.Length <= longest ? text : string.Concat(text.AsSpan(0, CutLength(text, longest)), "…");
        return string.Create(cut.Length, cut, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                span[i] = IsPlain(source[i]) ? source[i] : ' ';
            }
        });
    }

    /// <summary>Renders a number of things: "1 saga", "2 sagas".</summary>
    /// <param name="count">The number.</param>
    /// <param name="one">The noun in the singular, whose plural ends in s.</param>
    public static string Count(long count, string one) => Invariant($"{count} {one}{(count == 1 ? "" : "s")}");

    /// <summary>A duration in the largest unit that leaves a whole number: 8ms, 3s, 10m, 2h. A clock that was set back makes it 0ms.</summary>
    public static string Duration(TimeSpan span) => span switch
    {
        _ when span < TimeSpan.FromSeconds(1) => Invariant($"{Math.Floor(Math.Max(0, span.TotalMilliseconds)):F0}ms"),
        _ when span < TimeSpan.FromMinutes(2) => Invariant($"{Math.Floor(span.TotalSeconds):F0}s"),
        _ when span < TimeSpan.FromHours(2) => Invariant($"{Math.Floor(span.TotalMinutes):F0}m"),
        _ => Invariant($"{Math.Floor(span.TotalHours):F0}h"),
    };

    /// <summary>A time in UTC to the second, <c>2026-11-22T18:33:34Z</c>.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    /// <summary>A time in UTC to the millisecond.</summary>
    public static string PreciseTime(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    /// <summary>Where to cut a text that is too long: not between the halves of a surrogate pair.</summary>
    private static int CutLength(string text, int longest) => char.IsHighSurrogate(text[longest - 1]) ? longest - 1 : longest;

    private static bool IsPlain(char character) => char.GetUnicodeCategory(character) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
