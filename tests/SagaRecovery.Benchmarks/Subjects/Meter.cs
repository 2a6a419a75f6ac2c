using System.Diagnostics;
using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Measures its own process, from <see cref="Begin"/> to <see cref="End"/>. Used by one flow; not thread-safe.</summary>
internal sealed class Meter : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(10);

    private readonly Dictionary<string, double> _figures = [];
    private Timer? _sampling;
    private long _managedPeak;
    private long _allocated;
    private TimeSpan _cpu;

    /// <summary>The time stamp at which it began.</summary>
    public long Began { get; private set; }

    public SubjectResult Result => new(_figures);

    /// <summary>Begins with a minimal heap, and resets the peak memory of the process.</summary>
    public void Begin()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        File.WriteAllText("/proc/self/clear_refs", "5"); // proc(5): resets the peak of the resident set
        BeginAt(Stopwatch.GetTimestamp());
        _allocated = GC.GetTotalAllocatedBytes(precise: true);
        _cpu = Environment.CpuUsage.TotalTime;
    }

    /// <summary>Begins at a moment in the past, as that at which this process was launched.</summary>
    public void BeginAt(long timestamp)
    {
        Began = timestamp;
        _sampling = new Timer(_ => Sample(), state: null, TimeSpan.Zero, Period);
    }

    /// <summary>Ends the measurement.</summary>
    /// <param name="rows">The number of sagas, by which allocations are divided.</param>
    public void End(long rows)
    {
        _figures[Metric.Seconds] = Stopwatch.GetElapsedTime(Began).TotalSeconds;
        _figures[Metric.CpuSeconds] = (Environment.CpuUsage.TotalTime - _cpu).TotalSeconds;
        _figures[Metric.AllocatedBytes] = GC.GetTotalAllocatedBytes(precise: true) - _allocated;
        _figures[Metric.Rows] = rows;
        Sample();
        _figures[Metric.ManagedPeakBytes] = _managedPeak;
        using var self = Process.GetCurrentProcess();
        _figures[Metric.PeakBytes] = self.PeakWorkingSet64;
    }

    public void Note(Arrivals arrivals) => arrivals.AddTo(_figures, Began);

    public void Note(string metric, double value) => _figures[metric] = value;

    /// <summary>Measures a short operation that is repeated, from <see cref="Begin"/> to <see cref="EndRepeated"/>.</summary>
    /// <param name="repeats">The number of repetitions.</param>
    /// <param name="operation">The operation. It returns the number of rows.</param>
    public async Task RepeatAsync(int repeats, Func<Task<long>> operation)
    {
        List<double> seconds = [];
        long rows = 0;
        Begin();
        for (int i = 0; i < repeats; i++)
        {
            long began = Stopwatch.GetTimestamp();
            rows = await operation();
            seconds.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        EndRepeated(rows, seconds);
    }

    /// <summary>Ends the measurement of a short, repeated operation: its time is the median, its usage the mean.</summary>
    public void EndRepeated(long rows, IReadOnlyList<double> seconds)
    {
        End(rows);
        var statistics = Statistics.Of(seconds);
        _figures[Metric.Seconds] = statistics.Median;
        _figures[Metric.NinetiethSeconds] = Statistics.Percentile(seconds, 0.9);
        _figures[Metric.NinetyNinthSeconds] = Statistics.Percentile(seconds, 0.99);
        _figures[Metric.SlowestSeconds] = statistics.Max;
        _figures[Metric.CpuSeconds] /= seconds.Count;
        _figures[Metric.AllocatedBytes] /= seconds.Count;
    }

    /// <summary>Ends the measurement of executed sagas, of which a given number ran concurrently.</summary>
    public void EndExecuted(int sagas)
    {
        End(sagas);
        _figures[Metric.SizeIsAtATime] = 1;
        _figures[Metric.Nodes] = (double)sagas * ChainSaga.Nodes;
    }

    public void Dispose() => _sampling?.Dispose();

    private void Sample() => _managedPeak = Math.Max(_managedPeak, GC.GetTotalMemory(forceFullCollection: false));
}
