namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The result of one turn of a subject.</summary>
/// <param name="Figures">By <see cref="Metric"/>.</param>
internal sealed record SubjectResult(IReadOnlyDictionary<string, double> Figures)
{
    /// <summary>A figure; null: this subject has none of the name.</summary>
    public double? this[string metric] => Figures.TryGetValue(metric, out double value) ? value : null;
}
