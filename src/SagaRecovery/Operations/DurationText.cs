using System.Globalization;

namespace SagaRecovery.Operations;

/// <summary>Reads a duration that an operator gives as a number and a unit: <c>25s</c>, <c>1.5h</c>. Thread-safe.</summary>
internal static class DurationText
{
    private static readonly (string Unit, double Seconds)[] s_units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800)];

    /// <summary>Parses a duration.</summary>
    /// <param name="text">The text.</param>
    /// <param name="max">The longest duration that counts as one.</param>
    /// <param name="duration">The duration, if the text is one.</param>
    /// <returns>True if the text is a duration from zero to <paramref name="max"/>.</returns>
    public static bool TryParse(string text, TimeSpan max, out TimeSpan duration)
    {
        foreach ((string unit, double seconds) in s_units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
                && value * seconds <= max.TotalSeconds)
            {
                duration = TimeSpan.FromSeconds(value * seconds);
                return true;
            }
        }

        duration = default;
        return false;
    }
}
