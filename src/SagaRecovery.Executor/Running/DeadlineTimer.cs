namespace SagaRecovery.Executor.Running;

/// <summary>Calls back once the wall clock has reached a deadline, however far it is away. Thread-safe.</summary>
internal sealed class DeadlineTimer : IDisposable
{
    /// <summary>The longest wait of one timer; a timer of .NET cannot wait for more than 49 days.</summary>
    private static readonly TimeSpan s_longestWait = TimeSpan.FromDays(1);

    private readonly DateTimeOffset _deadline;
    private readonly TimeProvider _time;
    private readonly Action _onReached;
    private readonly ITimer _timer;

    public DeadlineTimer(DateTimeOffset deadline, TimeProvider time, Action onReached)
    {
        _deadline = deadline;
        _time = time;
        _onReached = onReached;
        _timer = time.CreateTimer(static timer => ((DeadlineTimer)timer!).OnElapsed(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Wait();
    }

    public void Dispose() => _timer.Dispose();

    private void OnElapsed()
    {
        if (_time.GetUtcNow() >= _deadline)
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
        TimeSpan left = _deadline - _time.GetUtcNow();
        TimeSpan wait = left < TimeSpan.Zero ? TimeSpan.Zero : left > s_longestWait ? s_longestWait : left;
        _timer.Change(wait + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan); // a timer may be early by a fraction of a millisecond
    }
}
