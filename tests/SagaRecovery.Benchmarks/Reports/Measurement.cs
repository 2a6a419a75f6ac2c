using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Reports;

/// <summary>All turns of one subject at one size.</summary>
/// <param name="Area">The area.</param>
/// <param name="What">The operation.</param>
/// <param name="Size">The number of sagas, writers or projects.</param>
/// <param name="Subject">The subject.</param>
/// <param name="Reference">The subject that it is compared with; null: none.</param>
/// <param name="Turns">The results of the turns.</param>
internal sealed record Measurement(
    string Area, string What, int Size, string Subject, string? Reference, IReadOnlyList<SubjectResult> Turns)
{
    /// <summary>A figure over all turns; null: this subject has none of the name.</summary>
    public Statistics? this[string metric] =>
        Turns[0][metric] is null ? null : Statistics.Of(Turns.Select(turn => turn[metric]!.Value));

    /// <exception cref="KeyNotFoundException">This subject has no figure of the name.</exception>
    public double Median(string metric) =>
        this[metric]?.Median ?? throw new KeyNotFoundException($"'{Subject}' has no figure '{metric}' ({Area}, {What}, {Size}).");

    /// <summary>One of its figures as a measurement of its own.</summary>
    public Measurement Of(string metric, string what) => this with
    {
        What = what,
        Turns = [.. Turns.Select(turn => new SubjectResult(new Dictionary<string, double> { [Metric.Seconds] = turn[metric]!.Value }))],
    };

    /// <summary>The speed of this as a multiple of the speed of another: 2 takes half the time.</summary>
    public double SpeedOf(Measurement other) => other.Median(Metric.Seconds) / Median(Metric.Seconds);

    /// <summary>The same turn by turn, and the median of that: each turn is compared with the adjacent one, since the speed of the machine varies.</summary>
    public double PairedSpeedOf(Measurement other) => Statistics.Of(
        Turns.Zip(other.Turns, (ours, theirs) => theirs[Metric.Seconds]!.Value / ours[Metric.Seconds]!.Value)).Median;
}
