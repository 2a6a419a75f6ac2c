using System.Diagnostics;
using System.Globalization;

namespace SagaRecovery.Benchmarks;

/// <summary>Says how far a run has come, a line each, with the time since it began.</summary>
internal sealed class ProgressLines(TextWriter writer)
{
    private readonly long _began = Stopwatch.GetTimestamp();

    public void Log(string what) =>
        writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(_began).TotalSeconds,7:F1}s  {what}"));
}
