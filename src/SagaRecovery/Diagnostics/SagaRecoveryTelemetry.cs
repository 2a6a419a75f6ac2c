using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace SagaRecovery;

/// <summary>The names of the meter and the activity source of recovery and the durable executor.</summary>
/// <remarks>
/// Pass them to <c>AddMeter</c> and <c>AddSource</c> of OpenTelemetry. docs/operations.md describes each instrument and the alerts on it.
/// No metric carries the id of a saga.
/// </remarks>
public static class SagaRecoveryTelemetry
{
    /// <summary>The name of the meter: <c>SagaRecovery</c>.</summary>
    public const string MeterName = "SagaRecovery";

    /// <summary>The name of the activity source: <c>SagaRecovery</c>.</summary>
    /// <remarks>Recovery emits a span for each pass, with a child span for each saga that it resumes.</remarks>
    public const string ActivitySourceName = "SagaRecovery";

    internal static ActivitySource Source { get; } = new(ActivitySourceName);

    /// <summary>Buckets in seconds, from half a millisecond to a minute. The default buckets of .NET suit milliseconds.</summary>
    internal static InstrumentAdvice<double> Durations { get; } = new()
    {
        HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    };

    /// <summary>Creates the meter with the factory of the host, or directly if the host has no metrics.</summary>
    internal static Meter CreateMeter(IMeterFactory? factory) => factory?.Create(new MeterOptions(MeterName)) ?? new Meter(MeterName);
}
