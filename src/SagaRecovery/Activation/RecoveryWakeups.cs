using System.Threading.Channels;
using SagaRecovery.Status;

namespace SagaRecovery.Activation;

/// <summary>The requests for passes, refills and dry runs: from the timer, the trigger, hints, and the executor.</summary>
/// <remarks>
/// One pass answers all requests that were made before it began. A request that arrives while a pass is under way is answered by the next
/// one. Thread-safe, except for <see cref="WaitAsync"/> and <see cref="TakeRequests"/>, which only the recovery loop may call.
/// </remarks>
internal sealed class RecoveryWakeups : IDisposable
{
    /// <summary>The time for which a hint that is not urgent collects further hints.</summary>
    private static readonly TimeSpan HintDelay = TimeSpan.FromSeconds(1);

    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly Lock _lock = new();
    private readonly ITimer _hintTimer;
    private List<TaskCompletionSource<PassReport>> _waiters = [];
    private List<TaskCompletionSource<RecoveryPlanReport>> _dryRuns = [];
    private PassReason? _reason;
    private PassReason? _hint;
    private bool _lastPassFailed;
    private bool _expectsHints;
    private bool _closed;
    private bool _refill;

    public RecoveryWakeups(TimeProvider time) =>
        _hintTimer = time.CreateTimer(_ => RequestHinted(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    public void Request(PassReason reason)
    {
        lock (_lock)
        {
            _reason = Stronger(_reason, reason);
            _signal.Writer.TryWrite(true);
        }
    }

    /// <summary>Requests a refill. A pass that was requested, too, comes first.</summary>
    public void RequestRefill()
    {
        lock (_lock)
        {
            _refill = true;
            _signal.Writer.TryWrite(true);
        }
    }

    /// <summary>Wakes the loop without a request, so that it shows that it moves.</summary>
    public void Wake() => _signal.Writer.TryWrite(true);

    /// <summary>A value indicating whether the last pass failed. Hints are dropped then.</summary>
    /// <remarks>
    /// While the database is down, starts fail too, and each withdrawn start is a hint. The pending retry of the pass covers all of them.
    /// </remarks>
    public bool LastPassFailed
    {
        get => Volatile.Read(ref _lastPassFailed);
        set => Volatile.Write(ref _lastPassFailed, value);
    }

    /// <summary>
    /// A value indicating whether this process has started a saga in a transaction of a caller. Nothing but a hint then tells that the
    /// transaction has committed, and one may be missed while this process does not listen.
    /// </summary>
    public bool ExpectsHints
    {
        get => Volatile.Read(ref _expectsHints);
        set => Volatile.Write(ref _expectsHints, value);
    }

    /// <summary>Requests a pass after a short delay, unless the last pass failed. Hints within the delay share one request.</summary>
    public void RequestSoon(PassReason reason)
    {
        lock (_lock)
        {
            if (_hint is null && !_closed)
            {
                _hintTimer.Change(HintDelay, Timeout.InfiniteTimeSpan);
            }

            _hint = Stronger(_hint, reason);
        }
    }

    /// <summary>Requests a pass and returns the report of a pass that began after this call.</summary>
    public Task<PassReport> RequestAndWaitAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Task<PassReport> report = AddWaiter(_waiters);
            Request(PassReason.Explicit);
            return report.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Requests a dry run and returns its plan.</summary>
    public Task<RecoveryPlanReport> RequestDryRunAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Task<RecoveryPlanReport> plan = AddWaiter(_dryRuns);
            _signal.Writer.TryWrite(true);
            return plan.WaitAsync(cancellationToken);
        }
    }

    public async Task WaitAsync(CancellationToken cancellationToken) =>
        await _signal.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>Takes all requests so far. The caller must begin a pass that answers them.</summary>
    public WakeupRequests TakeRequests()
    {
        lock (_lock)
        {
            var taken = new WakeupRequests(_reason, _waiters, _dryRuns) { Refill = _refill };
            _refill = false;
            _reason = null;
            _waiters = [];
            _dryRuns = [];
            _signal.Reader.TryRead(out _); // requests since WaitAsync returned are taken as well: without this they would cause a second pass
            return taken;
        }
    }

    /// <summary>Cancels all pending requests and refuses new ones, because no further pass runs.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
        }

        TakeRequests().Cancel();
    }

    public void Dispose() => _hintTimer.Dispose();

    private static PassReason Stronger(PassReason? earlier, PassReason reason) => earlier > reason ? earlier.Value : reason;

    private Task<T> AddWaiter<T>(List<TaskCompletionSource<T>> waiters)
    {
        if (_closed)
        {
            throw new InvalidOperationException("Recovery has stopped because this process is shutting down. No pass was run.");
        }

        var waiter = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        waiters.Add(waiter);
        return waiter.Task;
    }

    private void RequestHinted()
    {
        PassReason? hint;
        lock (_lock)
        {
            hint = _hint;
            _hint = null;
        }

        if (hint is { } reason && !LastPassFailed)
        {
            Request(reason);
        }
    }
}

/// <summary>The requests that one pass and one dry run answer.</summary>
/// <param name="Reason">The reason for the pass; null if only dry runs were requested.</param>
/// <param name="Waiters">The callers that wait for the report.</param>
/// <param name="DryRuns">The callers that wait for a plan.</param>
internal readonly record struct WakeupRequests(
    PassReason? Reason, List<TaskCompletionSource<PassReport>> Waiters, List<TaskCompletionSource<RecoveryPlanReport>> DryRuns)
{
    /// <summary>True if a refill was requested.</summary>
    public bool Refill { get; init; }

    public void Answer(PassReport report) => Waiters.ForEach(waiter => waiter.TrySetResult(report));

    public void Answer(RecoveryPlanReport plan) => DryRuns.ForEach(waiter => waiter.TrySetResult(plan));

    public void Fail(Exception exception) => Waiters.ForEach(waiter => waiter.TrySetException(exception));

    public void FailDryRuns(Exception exception) => DryRuns.ForEach(waiter => waiter.TrySetException(exception));

    public void Cancel()
    {
        Waiters.ForEach(waiter => waiter.TrySetCanceled());
        DryRuns.ForEach(waiter => waiter.TrySetCanceled());
    }
}
