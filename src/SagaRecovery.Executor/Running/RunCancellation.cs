using SagaRecovery.Status;
using SagaRecovery.Timing;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// The cancellation of the saga of a run: stored before the run began, requested meanwhile, or by the deadline. The first one counts.
/// Thread-safe.
/// </summary>
internal sealed class RunCancellation : IDisposable
{
    private readonly SagaCancellation? _stored;
    private readonly DeadlineTimer? _deadline;
    private SagaCancellation? _current;

    /// <param name="stored">The cancellation in the row of the saga; null for none.</param>
    /// <param name="deadline">The deadline of the saga; null for none.</param>
    /// <param name="time">The clock of the deadline.</param>
    /// <param name="onDeadline">Called when a deadline that was yet to come has cancelled the saga. The constructor may not have returned by then.</param>
    public RunCancellation(SagaCancellation? stored, DateTimeOffset? deadline, SteadyTimeProvider time, Action onDeadline)
    {
        _stored = _current = stored;
        if (stored is null && deadline is { } at)
        {
            TimeSpan left = at - time.WallNow; // by the clock that the caller took the deadline from, once: it may be set while the saga runs
            if (left <= TimeSpan.Zero)
            {
                _current = SagaCancellation.AtDeadline(at);
            }
            else
            {
                _deadline = new DeadlineTimer(left, time, () =>
                {
                    if (TrySet(SagaCancellation.AtDeadline(at)))
                    {
                        onDeadline();
                    }
                });
            }
        }
    }

    /// <summary>The cancellation that counts; null while there is none.</summary>
    public SagaCancellation? Current => Volatile.Read(ref _current);

    /// <summary>True for a cancellation by the deadline that no row had when the run began. The run stores it when it obeys it.</summary>
    public bool IsUnstored => Current is { Note.Actor: SagaCancellation.DeadlineActor } current && !ReferenceEquals(current, _stored);

    /// <summary>Sets the cancellation. Returns false if there was one.</summary>
    public bool TrySet(SagaCancellation cancellation) => Interlocked.CompareExchange(ref _current, cancellation, null) is null;

    public void Dispose() => _deadline?.Dispose();
}
