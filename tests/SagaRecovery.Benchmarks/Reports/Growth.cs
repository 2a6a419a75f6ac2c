namespace SagaRecovery.Benchmarks.Reports;

/// <summary>The growth of cost with size.</summary>
internal static class Growth
{
    /// <summary>Fewer points prove no curve.</summary>
    public const int FewestSizes = 3;

    /// <summary>
    /// The exponent k of the curve cost = a · size^k that fits best, by least squares on the logarithms: 1 is linear, 0 does not grow. Null:
    /// there are fewer than three sizes above zero.
    /// </summary>
    public static double? Exponent(IEnumerable<(double Size, double Cost)> points)
    {
        (double X, double Y)[] logarithms =
            [.. points.Where(point => point is { Size: > 0, Cost: > 0 }).Select(point => (Math.Log(point.Size), Math.Log(point.Cost)))];
        if (logarithms.Select(point => point.X).Distinct().Count() < FewestSizes)
        {
            return null;
        }

        double meanX = logarithms.Average(point => point.X);
        double meanY = logarithms.Average(point => point.Y);
        return logarithms.Sum(point => (point.X - meanX) * (point.Y - meanY)) / logarithms.Sum(point => Math.Pow(point.X - meanX, 2));
    }
}
