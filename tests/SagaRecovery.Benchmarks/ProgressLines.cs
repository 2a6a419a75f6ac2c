using System.Diagnostics;
using System.Globalization;

namespace SagaRecovery.Benchmarks;

/// <summary>Writes the progress of a run, a line each, with the time since it began.</summary>
internal sealed class ProgressLines(TextWriter writer)
{
    private readonly long _began = Stopwatch.GetTimestamp();

    public void Log(string what) =>
        writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(_began).TotalSeconds,7:F1}s  {what}"));
}
