using System.Globalization;

namespace SagaRecovery.Stress.Retention;

/// <summary>The sizes and times of one moment of a soak.</summary>
/// <param name="Seconds">The time since the load began.</param>
/// <param name="Sagas">The number of sagas in the database.</param>
/// <param name="Deleted">The sagas that were deleted until then.</param>
/// <param name="TableBytes">The tables of the sagas, without their indexes.</param>
/// <param name="IndexBytes">The indexes of these tables.</param>
/// <param name="ProcessBytes">The resident memory of the service.</param>
/// <param name="PassMilliseconds">The duration of a pass.</param>
internal sealed record SoakSample(double Seconds, long Sagas, long Deleted, long TableBytes, long IndexBytes, long ProcessBytes, double PassMilliseconds)
{
    public const string Header = "seconds,sagas,deleted,table_bytes,index_bytes,process_bytes,pass_ms";

    public string ToLine() => string.Create(
        CultureInfo.InvariantCulture, $"{Seconds:F1},{Sagas},{Deleted},{TableBytes},{IndexBytes},{ProcessBytes},{PassMilliseconds:F2}");

    /// <summary>Compares the last third of some samples with the middle third.</summary>
    /// <returns>The ratio of the values.</returns>
    public static double Growth(IReadOnlyList<SoakSample> samples, Func<IReadOnlyList<SoakSample>, double> value)
    {
        int third = samples.Count / 3;
        return value([.. samples.Skip(2 * third)]) / value([.. samples.Skip(third).Take(third)]);
    }

    /// <summary>The time for which sagas were in the database: their number, divided by the rate of their deletion.</summary>
    public static double SecondsKept(IReadOnlyList<SoakSample> samples) =>
        samples.Average(sample => sample.Sagas) * (samples[^1].Seconds - samples[0].Seconds) / (samples[^1].Deleted - samples[0].Deleted);
}
