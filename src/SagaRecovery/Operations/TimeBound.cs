using System.Globalization;

namespace SagaRecovery.Operations;

/// <summary>Reads a bound of time that an operator gives: a duration before now, or a time. Thread-safe.</summary>
public static class TimeBound
{
    /// <summary>The accepted forms, for messages.</summary>
    public const string Forms = "a duration before now such as 90m, 2h or 7d, or a time such as 2026-11-22T18:30Z";

    /// <summary>Parses a bound. A time without an offset is in UTC.</summary>
    /// <param name="text">The text.</param>
    /// <param name="now">The time to which a duration refers.</param>
    /// <param name="bound">The bound, if the text is one.</param>
    /// <returns>True if the text is a bound.</returns>
    public static bool TryParse(string text, DateTimeOffset now, out DateTimeOffset bound)
    {
        if (DurationText.TryParse(text, now - DateTimeOffset.UnixEpoch, out TimeSpan before))
        {
            bound = now - before;
            return true;
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out bound)
            && text.Contains('-', StringComparison.Ordinal); // "12:30" alone would be a time of today, on the server's calendar
    }
}
