namespace SagaRecovery.Timing;

/// <summary>The last progress of the recovery loop, for a liveness probe. Thread-safe.</summary>
/// <remarks>
/// An idle loop is woken once in each <see cref="Interval"/>. A pass records each step, each page of its listing, each loaded batch, and each saga that
/// the executor has answered for. So one answer of the store or of the executor bounds the time without progress, however many sagas a pass has.
/// </remarks>
internal sealed class LoopProgress(TimeProvider time)
{
    /// <summary>The interval at which an idle loop records progress.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private long _last;
    private volatile bool _isRunning;

    /// <summary>The time since the last progress; null before the loop begins and after it has stopped with its host.</summary>
    public TimeSpan? Silence => _isRunning ? time.GetElapsedTime(Volatile.Read(ref _last)) : null;

    public void Begin()
    {
        Record();
        _isRunning = true;
    }

    public void Record() => Volatile.Write(ref _last, time.GetTimestamp());

    /// <summary>Records progress until some work has ended that may take any time, such as the upgrade of large tables.</summary>
    public async Task RecordUntilEndAsync(Task work)
    {
        using var ended = new CancellationTokenSource();
        while (!work.IsCompleted && await Task.WhenAny(work, Task.Delay(Interval, time, ended.Token)).ConfigureAwait(false) != work)
        {
            Record();
        }

        await ended.CancelAsync().ConfigureAwait(false); // of the last delay
        await work.ConfigureAwait(false);
    }

    public void End() => _isRunning = false;
}
