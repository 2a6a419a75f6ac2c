using System.Diagnostics;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Records when the first, the last and some sagas in between have arrived. Thread-safe.</summary>
internal sealed class Arrivals(int expected)
{
    private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _first;
    private long _thousandth;
    private long _tenThousandth;
    private int _count;

    /// <summary>The expected number of arrivals.</summary>
    public int Expected => expected;

    /// <summary>Completes when all have arrived.</summary>
    public Task All => _all.Task;

    public void Note()
    {
        int number = Interlocked.Increment(ref _count);
        switch (number)
        {
            case 1:
                Volatile.Write(ref _first, Stopwatch.GetTimestamp());
                break;
            case 1_000:
                Volatile.Write(ref _thousandth, Stopwatch.GetTimestamp());
                break;
            case 10_000:
                Volatile.Write(ref _tenThousandth, Stopwatch.GetTimestamp());
                break;
        }

        if (number == expected)
        {
            _all.SetResult();
        }
    }

    /// <summary>Adds the moments, in seconds since a time stamp.</summary>
    public void AddTo(IDictionary<string, double> figures, long since)
    {
        Add(Metric.FirstSeconds, Volatile.Read(ref _first));
        Add(Metric.ThousandthSeconds, Volatile.Read(ref _thousandth));
        Add(Metric.TenThousandthSeconds, Volatile.Read(ref _tenThousandth));

        void Add(string metric, long moment)
        {
            if (moment != 0)
            {
                figures[metric] = Stopwatch.GetElapsedTime(since, moment).TotalSeconds;
            }
        }
    }
}
