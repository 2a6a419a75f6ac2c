namespace SagaRecovery.Status;

/// <summary>A histogram of durations with fixed bounds. Immutable.</summary>
/// <param name="Counts">One count for each of <see cref="Bounds"/>, and one for durations above the last bound.</param>
/// <param name="Sum">The sum of all durations.</param>
public sealed record DurationHistogram(IReadOnlyList<long> Counts, TimeSpan Sum)
{
    /// <summary>The inclusive upper bounds, in ascending order.</summary>
    public static IReadOnlyList<TimeSpan> Bounds { get; } =
        [.. new[] { 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800 }.Select(TimeSpan.FromSeconds)];

    /// <summary>A histogram without durations.</summary>
    public static DurationHistogram Empty { get; } = new(new long[Bounds.Count + 1], TimeSpan.Zero);

    /// <summary>The upper bounds, a copy of <see cref="Bounds"/> that makes the JSON self-describing.</summary>
    public IReadOnlyList<TimeSpan> UpperBounds { get; } = Bounds;

    /// <summary>The number of durations.</summary>
    public long Count => Counts.Sum();

    /// <summary>Creates a histogram of the given durations.</summary>
    public static DurationHistogram Of(IEnumerable<TimeSpan> durations)
    {
        var counts = new long[Bounds.Count + 1];
        TimeSpan sum = TimeSpan.Zero;
        foreach (TimeSpan duration in durations)
        {
            counts[IndexOf(duration)]++;
            sum += duration;
        }

        return new DurationHistogram(counts, sum);
    }

    /// <summary>Returns the sum of this histogram and another.</summary>
    public DurationHistogram Plus(DurationHistogram other) =>
        new([.. Counts.Zip(other.Counts, (left, right) => left + right)], Sum + other.Sum);

    private static int IndexOf(TimeSpan duration)
    {
        int index = 0;
        while (index < Bounds.Count && Bounds[index] < duration)
        {
            index++;
        }

        return index;
    }
}
