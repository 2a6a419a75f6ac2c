namespace SagaRecovery.Executor.Running;

/// <summary>The stop request of a run, with its reason and its cancellation tokens. Thread-safe.</summary>
internal sealed class RunStop : IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _actions = new();
    private readonly CancellationTokenSource _interruptible = new();
    private readonly CancellationTokenSource _writes = new();
    private Task _cancelling = Task.CompletedTask;
    private StopReason? _reason;
    private bool _lastWriteStarted;
    private bool _waitsEnded;
    private bool _disposed;

    public RunStop()
    {
        Actions = _actions.Token;
        Interruptible = _interruptible.Token;
        Writes = _writes.Token;
    }

    /// <summary>The token of actions and undos. It is cancelled by every stop but <see cref="StopReason.Held"/>.</summary>
    public CancellationToken Actions { get; }

    /// <summary>The token of actions whose result need not be known if the saga is cancelled. It is also cancelled like <see cref="Actions"/>.</summary>
    public CancellationToken Interruptible { get; }

    /// <summary>True if the steps in flight were told to stop: an exception of theirs is no failure.</summary>
    public bool StopsSteps => Reason is not (null or StopReason.Held) || Volatile.Read(ref _waitsEnded);

    /// <summary>True if the run stops at the next step boundary because its saga is held: a failed attempt is not repeated.</summary>
    public bool IsHeld => Reason is StopReason.Held;

    /// <summary>The token of writes. It is cancelled when this process loses the saga, since no further write can succeed.</summary>
    public CancellationToken Writes { get; }

    /// <summary>The first reason that was given; null while no stop is requested.</summary>
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

            // The reason must be set before the tokens are cancelled, or an exception caused by the cancellation would count as a failure.
            _reason = _reason is null or StopReason.Held ? reason : _reason;
            if (reason == StopReason.Held)
            {
                return;
            }

            // CancelAsync, since callbacks of user code must not run under the lock.
            _cancelling = reason == StopReason.Shutdown
                ? Task.WhenAll(_cancelling, _actions.CancelAsync(), _interruptible.CancelAsync())
                : Task.WhenAll(_cancelling, _actions.CancelAsync(), _interruptible.CancelAsync(), _writes.CancelAsync());
        }
    }

    /// <summary>Interrupts the actions whose result need not be known, because the saga is cancelled. The run continues.</summary>
    public void Interrupt()
    {
        lock (_lock)
        {
            if (!_disposed)
            {
                _cancelling = Task.WhenAll(_cancelling, _interruptible.CancelAsync());
            }
        }
    }

    /// <summary>Ends the waits between attempts in a run that is held. No attempt may be running.</summary>
    public void EndWaits()
    {
        lock (_lock)
        {
            if (!_disposed && !_waitsEnded)
            {
                Volatile.Write(ref _waitsEnded, true);
                _cancelling = Task.WhenAll(_cancelling, _actions.CancelAsync(), _interruptible.CancelAsync());
            }
        }
    }

    /// <summary>
    /// Stops the run because recovery relinquishes the saga. Returns false if the last write has begun or the run has already lost the saga.
    /// </summary>
    public bool TryRelinquish()
    {
        lock (_lock)
        {
            if (_disposed || _lastWriteStarted || _reason is not (null or StopReason.Shutdown or StopReason.Held))
            {
                return false;
            }

            Request(StopReason.Relinquished);
            return true;
        }
    }

    /// <summary>Returns true if the run may write; false if this process has lost the saga.</summary>
    /// <param name="isLast">True for the final write. The saga cannot be relinquished after it.</param>
    public bool TryBeginWrite(bool isLast)
    {
        lock (_lock)
        {
            if (_writes.IsCancellationRequested)
            {
                return false;
            }

            _lastWriteStarted = isLast; // a write after the last one: the success was refused, because the saga was cancelled
            return true;
        }
    }

    /// <summary>Starts work unless a stop is requested. No work starts after a stop request.</summary>
    /// <param name="start">Starts the work.</param>
    /// <param name="work">The work.</param>
    /// <returns>True if the work was started.</returns>
    public bool TryStart<TWork>(Action<TWork> start, TWork work)
    {
        lock (_lock)
        {
            if (_reason is not null)
            {
                return false;
            }

            start(work);
            return true;
        }
    }

    /// <summary>Returns a task that completes when the callbacks of the tokens have run.</summary>
    public Task WhenCallbacksCompletedAsync()
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
            _interruptible.Dispose();
            _writes.Dispose();
        }
    }
}
