namespace SagaRecovery.Benchmarks.Reports;

/// <summary>The results of several turns of the same measurement.</summary>
/// <param name="Median">The middle one; of an even number, the mean of the two in the middle.</param>
/// <param name="Min">The least.</param>
/// <param name="Max">The most.</param>
internal readonly record struct Statistics(double Median, double Min, double Max)
{
    /// <exception cref="ArgumentException">There are none.</exception>
    public static Statistics Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
        {
            throw new ArgumentException("An empty list has no median.", nameof(values));
        }

        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Statistics(median, sorted[0], sorted[^1]);
    }

    /// <summary>The least of the values that this share of all does not exceed (nearest rank): 0.99 of 100 values is the 99th.</summary>
    /// <exception cref="ArgumentException">There are none.</exception>
    public static double Percentile(IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0
            ? throw new ArgumentException("An empty list has no percentile.", nameof(values))
            : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
    }
}
