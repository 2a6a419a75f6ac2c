using System.Threading.Channels;

namespace SagaRecovery.Executor.Tests.Support;

/// <summary>A clock that a test moves, and that says which delays are asked for.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Channel<ManualTimer> _asked = Channel.CreateUnbounded<ManualTimer>();
    private DateTimeOffset _now = new(2026, 11, 22, 18, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => _now;

    public override long GetTimestamp() => _now.Ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(callback, state, dueTime);
        _asked.Writer.TryWrite(timer);
        return timer;
    }

    /// <summary>Waits for the next delay that is asked for, and lets it pass.</summary>
    public async Task<TimeSpan> PassNextDelayAsync()
    {
        ManualTimer timer = await _asked.Reader.ReadAsync().AsTask().Soon();
        _now += timer.DueTime;
        timer.Fire();
        return timer.DueTime;
    }

    private sealed class ManualTimer(TimerCallback callback, object? state, TimeSpan dueTime) : ITimer
    {
        public TimeSpan DueTime => dueTime;

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
