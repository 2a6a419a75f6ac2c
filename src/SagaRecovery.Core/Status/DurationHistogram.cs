namespace SagaRecovery.Status;

/// <summary>How many durations fell between fixed bounds. Immutable.</summary>
/// <param name="Counts">One count for each of <see cref="Bounds"/>, and one for what is longer than the last.</param>
/// <param name="Sum">Of all durations.</param>
public sealed record DurationHistogram(IReadOnlyList<long> Counts, TimeSpan Sum)
{
    /// <summary>The upper bounds, inclusive, in rising order.</summary>
    public static IReadOnlyList<TimeSpan> Bounds { get; } =
        [.. new[] { 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800 }.Select(TimeSpan.FromSeconds)];

    /// <summary>No duration.</summary>
    public static DurationHistogram Empty { get; } = new(new long[Bounds.Count + 1], TimeSpan.Zero);

    /// <summary><see cref="Bounds"/>, so that the JSON tells what it counts.</summary>
    public IReadOnlyList<TimeSpan> UpperBounds { get; } = Bounds;

    /// <summary>How many durations there are.</summary>
    public long Count => Counts.Sum();

    /// <summary>A histogram of these durations.</summary>
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

    /// <summary>Both together.</summary>
    public DurationHistogram Plus(DurationHistogram other) =>
        new([.. Counts.Zip(other.Counts, (mine, others) => mine + others)], Sum + other.Sum);

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
