namespace SagaRecovery.Timing;

/// <summary>
/// The clock of all decisions of this process. It reads the wall clock once, and from then on advances by the monotonic timestamp. Thread-safe.
/// </summary>
/// <remarks>
/// A wall clock that is set changes neither a backoff nor a probation. <see cref="Now"/> is for times that only this process compares. What processes
/// compare with each other comes from the database's clock. See docs/decisions/0015-one-steady-clock.md.
/// </remarks>
internal sealed class SteadyTimeProvider : TimeProvider
{
    private readonly TimeProvider _wall;
    private readonly DateTimeOffset _start;
    private readonly long _began;

    /// <param name="wall">The provider of the wall clock, the timestamps and the timers.</param>
    public SteadyTimeProvider(TimeProvider wall)
    {
        _wall = wall;
        _start = wall.GetUtcNow();
        _began = wall.GetTimestamp();
    }

    /// <summary>The time of the start by the wall clock, and the time that has passed since. It never goes back.</summary>
    public DateTimeOffset Now => _start + _wall.GetElapsedTime(_began);

    /// <summary>The wall clock. Only for a comparison with a time that a user took from a wall clock.</summary>
    public DateTimeOffset WallNow => _wall.GetUtcNow();

    /// <inheritdoc />
    public override TimeZoneInfo LocalTimeZone => _wall.LocalTimeZone;

    /// <inheritdoc />
    public override long TimestampFrequency => _wall.TimestampFrequency;

    /// <inheritdoc />
    public override DateTimeOffset GetUtcNow() => Now;

    /// <inheritdoc />
    public override long GetTimestamp() => _wall.GetTimestamp();

    /// <inheritdoc />
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        _wall.CreateTimer(callback, state, dueTime, period);
}
