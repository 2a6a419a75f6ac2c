using System.Diagnostics;

namespace SagaRecovery.Benchmarks.Peers;

/// <summary>The entries of one step of each job into user code, in this process. Thread-safe.</summary>
/// <param name="jobs">The number of jobs, which are numbered from 0.</param>
public sealed class JobEntries(int jobs)
{
    private readonly Lock _lock = new();
    private readonly int[] _counts = new int[jobs];
    private readonly List<(int Jobs, TaskCompletionSource Signal)> _waiting = [];
    private int _entered;

    /// <summary>The time stamp of the first entry; 0: none yet.</summary>
    public long FirstAt { get; private set; }

    /// <summary>The time stamp at which the last of the jobs entered for the first time; 0: none yet.</summary>
    public long LastAt { get; private set; }

    /// <summary>The number of jobs that entered at least once.</summary>
    public int Entered => Count(count => count > 0);

    /// <summary>The number of jobs that entered more than once.</summary>
    public int EnteredTwice => Count(count => count > 1);

    public void Note(int job)
    {
        lock (_lock)
        {
            if (_counts[job]++ > 0)
            {
                return;
            }

            LastAt = Stopwatch.GetTimestamp();
            FirstAt = FirstAt == 0 ? LastAt : FirstAt;
            _entered++;
            foreach ((int awaited, TaskCompletionSource signal) in _waiting)
            {
                if (awaited == _entered)
                {
                    signal.SetResult();
                }
            }
        }
    }

    /// <summary>Completes when the given number of jobs have entered.</summary>
    public Task HaveEnteredAsync(int awaited)
    {
        lock (_lock)
        {
            if (_entered >= awaited)
            {
                return Task.CompletedTask;
            }

            var signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((awaited, signal));
            return signal.Task;
        }
    }

    private int Count(Func<int, bool> isCounted)
    {
        lock (_lock)
        {
            return _counts.Count(isCounted);
        }
    }
}
