namespace SagaRecovery.Executor.Running;

/// <summary>Whether, why and how far a run is to stop. Thread-safe.</summary>
internal sealed class RunStop : IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _actions = new();
    private readonly CancellationTokenSource _writes = new();
    private Task _cancelling = Task.CompletedTask;
    private StopReason? _reason;
    private bool _atItsEnd;
    private bool _disposed;

    public RunStop()
    {
        Actions = _actions.Token;
        Writes = _writes.Token;
    }

    /// <summary>What actions and undos are given: fires at any stop.</summary>
    public CancellationToken Actions { get; }

    /// <summary>Fires when the saga is no longer ours: not worth waiting for the answer to a write.</summary>
    public CancellationToken Writes { get; }

    /// <summary>The first reason given; null: the run goes on.</summary>
    public StopReason? Reason
    {
        get
        {
            lock (_lock)
            {
                return _reason;
            }
        }
    }

    public void Request(StopReason reason)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            // The reason stands before the tokens fire: whatever an action throws because of them is then known not to be a failure.
            // CancelAsync, since callbacks of other people's code must not run under a lock.
            _reason ??= reason;
            _cancelling = reason == StopReason.Shutdown
                ? Task.WhenAll(_cancelling, _actions.CancelAsync())
                : Task.WhenAll(_cancelling, _actions.CancelAsync(), _writes.CancelAsync());
        }
    }

    /// <summary>Stops the run because the saga was taken away, unless its last write is under way or it is being taken away already.</summary>
    public bool TryTakeAway()
    {
        lock (_lock)
        {
            if (_disposed || _atItsEnd || _reason is not (null or StopReason.Shutdown))
            {
                return false;
            }

            Request(StopReason.TakenAway);
            return true;
        }
    }

    /// <summary>Asks to write, unless the saga is no longer ours.</summary>
    /// <param name="isLast">From here on the run is at its end.</param>
    public bool MayWrite(bool isLast)
    {
        lock (_lock)
        {
            if (_writes.IsCancellationRequested)
            {
                return false;
            }

            _atItsEnd |= isLast;
            return true;
        }
    }

    /// <summary>Begins new work, unless the run is to stop: once a stop was requested, no new work begins.</summary>
    /// <param name="begin">Begins it.</param>
    /// <param name="work">The work.</param>
    /// <returns>Whether it was begun.</returns>
    public bool TryBegin<TWork>(Action<TWork> begin, TWork work)
    {
        lock (_lock)
        {
            if (_reason is not null)
            {
                return false;
            }

            begin(work);
            return true;
        }
    }

    /// <summary>Waits until the callbacks of the tokens have run.</summary>
    public Task CancelledAsync()
    {
        lock (_lock)
        {
            return _cancelling;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _actions.Dispose();
            _writes.Dispose();
        }
    }
}
