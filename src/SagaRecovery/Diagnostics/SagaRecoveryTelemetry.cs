using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace SagaRecovery;

/// <summary>
/// The names under which recovery and the durable executor emit telemetry: give them to OpenTelemetry's <c>AddMeter</c> and
/// <c>AddSource</c>. What each instrument counts, and which alerts go with it, stands in docs/operations.md. No metric carries a
/// saga's id.
/// </summary>
public static class SagaRecoveryTelemetry
{
    /// <summary>The meter: <c>SagaRecovery</c>.</summary>
    public const string MeterName = "SagaRecovery";

    /// <summary>The activity source: <c>SagaRecovery</c>. A span for each pass, and one for each hand-over in it.</summary>
    public const string ActivitySourceName = "SagaRecovery";

    internal static ActivitySource Source { get; } = new(ActivitySourceName);

    /// <summary>Buckets for what takes from a fraction of a millisecond to a minute; the usual ones are made for milliseconds.</summary>
    internal static InstrumentAdvice<double> Durations { get; } = new()
    {
        HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    };

    /// <summary>The host's meter of this name; one of its own where the host has no metrics.</summary>
    internal static Meter CreateMeter(IMeterFactory? factory) => factory?.Create(new MeterOptions(MeterName)) ?? new Meter(MeterName);
}
