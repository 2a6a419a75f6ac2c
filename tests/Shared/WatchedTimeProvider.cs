using Microsoft.Extensions.Time.Testing;

namespace Tests.Shared;

/// <summary>A clock that advances only when a test advances it, and that shows which timers are set. Thread-safe.</summary>
/// <remarks>
/// <para>
/// <see cref="StepWallClock"/> sets the wall clock as an administrator does: no time passes, and no timer moves.
/// </para>
/// <para>
/// <see cref="FakeTimeProvider"/> does not show its timers. A test that advances it before the code under test has set its timer waits
/// indefinitely: the timer is then due later than the clock will ever be. Timers that repeat by themselves are not shown.
/// </para>
/// </remarks>
internal sealed class WatchedTimeProvider : FakeTimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<WatchedTimer> _timers = [];
    private TaskCompletionSource _timerSet = NewSignal();
    private TimeSpan _wallOffset;

    /// <summary>The remaining time of each timer that is set, in ascending order.</summary>
    public IReadOnlyList<TimeSpan> Pending
    {
        get
        {
            DateTimeOffset now = MonotonicNow;
            lock (_lock)
            {
                return [.. from timer in _timers where timer.Due is not null select timer.Due!.Value - now into remaining orderby remaining select remaining];
            }
        }
    }

    /// <inheritdoc />
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _wallOffset;

    /// <inheritdoc />
    public override long GetTimestamp() => MonotonicNow.Ticks; // that of the base class follows the wall clock

    /// <summary>Sets the wall clock forward, or back.</summary>
    public void StepWallClock(TimeSpan by) => _wallOffset += by;

    /// <inheritdoc />
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new WatchedTimer(this);
        timer.Inner = base.CreateTimer(
            _ =>
            {
                timer.Fired();
                callback(state);
            },
            null,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        lock (_lock)
        {
            _timers.Add(timer);
        }

        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Waits until a timer is set, advances the clock to the earliest due time and fires that timer.</summary>
    /// <returns>The time by which the clock advanced.</returns>
    public async Task<TimeSpan> AdvanceToNextTimerAsync()
    {
        while (true)
        {
            Task timerSet;
            lock (_lock)
            {
                timerSet = _timerSet.Task;
            }

            if (Pending is [var next, ..])
            {
                Advance(next);
                return next;
            }

            await timerSet;
        }
    }

    private DateTimeOffset MonotonicNow => base.GetUtcNow();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class WatchedTimer(WatchedTimeProvider time) : ITimer
    {
        private int _fired;

        public ITimer Inner { get; set; } = null!;

        public DateTimeOffset? Due { get; private set; }

        public void Fired()
        {
            lock (time._lock)
            {
                _fired++;
                Due = null;
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            int fired;
            bool isShown = dueTime != Timeout.InfiniteTimeSpan && period == Timeout.InfiniteTimeSpan;
            DateTimeOffset due = isShown ? time.MonotonicNow + dueTime : default;
            lock (time._lock)
            {
                fired = _fired;
                Due = null;
            }

            bool changed = Inner.Change(dueTime, period);
            lock (time._lock) // shown only once it is really set: a test may advance the clock as soon as it sees the timer
            {
                Due = !isShown || fired != _fired ? null : due;
                time._timerSet.SetResult();
                time._timerSet = NewSignal();
            }

            return changed;
        }

        public void Dispose()
        {
            Inner.Dispose();
            lock (time._lock)
            {
                time._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
