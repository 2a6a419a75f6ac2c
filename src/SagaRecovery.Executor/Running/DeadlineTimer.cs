namespace SagaRecovery.Executor.Running;

/// <summary>Calls back once a time has passed, however long it is. A wall clock that is set meanwhile does not matter. Thread-safe.</summary>
internal sealed class DeadlineTimer : IDisposable
{
    /// <summary>The longest wait of one timer; a timer of .NET cannot wait for more than 49 days.</summary>
    private static readonly TimeSpan s_longestWait = TimeSpan.FromDays(1);

    private readonly TimeSpan _left; // when this timer was created
    private readonly long _began;
    private readonly TimeProvider _time;
    private readonly Action _onReached;
    private readonly ITimer _timer;

    public DeadlineTimer(TimeSpan left, TimeProvider time, Action onReached)
    {
        _left = left;
        _began = time.GetTimestamp();
        _time = time;
        _onReached = onReached;
        _timer = time.CreateTimer(static timer => ((DeadlineTimer)timer!).OnElapsed(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Wait();
    }

    private TimeSpan Left => _left - _time.GetElapsedTime(_began);

    public void Dispose() => _timer.Dispose();

    private void OnElapsed()
    {
        if (Left <= TimeSpan.Zero)
        {
            _onReached();
        }
        else
        {
            Wait();
        }
    }

    private void Wait()
    {
        TimeSpan left = Left;
        TimeSpan wait = left < TimeSpan.Zero ? TimeSpan.Zero : left > s_longestWait ? s_longestWait : left;
        _timer.Change(wait + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan); // a timer may be early by a fraction of a millisecond
    }
}
