using System.Threading.Channels;
using SagaRecovery.Status;

namespace SagaRecovery.Activation;

/// <summary>
/// What asks for a pass: the timer, the trigger, hints. However many ask, one pass answers them all; whoever asks while a pass is
/// under way is answered by the next. Thread-safe, but for <see cref="WaitAsync"/> and <see cref="TakeRequests"/>: those are the loop's.
/// </summary>
internal sealed class RecoveryWakeups : IDisposable
{
    /// <summary>How long a hint that is not urgent gathers others like it.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly Lock _lock = new();
    private readonly ITimer _soon;
    private List<TaskCompletionSource<PassReport>> _waiters = [];
    private List<TaskCompletionSource<RecoveryPlanReport>> _dryRuns = [];
    private PassReason? _reason;
    private PassReason? _hint;
    private bool _passesFail;
    private bool _closed;

    public RecoveryWakeups(TimeProvider time) =>
        _soon = time.CreateTimer(_ => RequestHinted(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    public void Request(PassReason reason)
    {
        lock (_lock)
        {
            _reason = Stronger(_reason, reason);
            _signal.Writer.TryWrite(true);
        }
    }

    /// <summary>
    /// Whether the last pass failed. Starts fail then, too, since the database is away, and are withdrawn by the hundred: the retry that
    /// is due sees to all hints when it is back.
    /// </summary>
    public bool PassesFail
    {
        get => Volatile.Read(ref _passesFail);
        set => Volatile.Write(ref _passesFail, value);
    }

    /// <summary>Asks for a pass in a moment, unless passes fail; many hints are one request.</summary>
    public void RequestSoon(PassReason reason)
    {
        lock (_lock)
        {
            if (_hint is null && !_closed)
            {
                _soon.Change(Soon, Timeout.InfiniteTimeSpan);
            }

            _hint = Stronger(_hint, reason);
        }
    }

    /// <summary>Asks for a pass, and completes with the report of one that begins after this call.</summary>
    public Task<PassReport> RequestAndWaitAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Task<PassReport> answer = Enlist(_waiters);
            Request(PassReason.Explicit);
            return answer.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Asks for a dry run, and completes with the plan.</summary>
    public Task<RecoveryPlanReport> RequestDryRunAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Task<RecoveryPlanReport> answer = Enlist(_dryRuns);
            _signal.Writer.TryWrite(true);
            return answer.WaitAsync(cancellationToken);
        }
    }

    public async Task WaitAsync(CancellationToken cancellationToken) =>
        await _signal.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>Takes all that has been asked for so far; a pass that begins now answers it.</summary>
    public WakeupRequests TakeRequests()
    {
        lock (_lock)
        {
            var taken = new WakeupRequests(_reason, _waiters, _dryRuns);
            _reason = null;
            _waiters = [];
            _dryRuns = [];
            _signal.Reader.TryRead(out _); // what was asked since WaitAsync returned is taken too: no second pass for it
            return taken;
        }
    }

    /// <summary>Ends the waiting of whoever no pass will answer any more.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
        }

        TakeRequests().Cancel();
    }

    public void Dispose() => _soon.Dispose();

    private static PassReason Stronger(PassReason? earlier, PassReason reason) => earlier > reason ? earlier.Value : reason;

    private Task<T> Enlist<T>(List<TaskCompletionSource<T>> waiters)
    {
        if (_closed)
        {
            throw new InvalidOperationException("No pass was run: recovery has stopped, because this process is shutting down.");
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

        if (hint is { } reason && !PassesFail)
        {
            Request(reason);
        }
    }
}

/// <summary>Requests that one pass, and one dry run, answer.</summary>
/// <param name="Reason">What asked for the pass; null: only dry runs were asked for.</param>
/// <param name="Waiters">Who waits for its report.</param>
/// <param name="DryRuns">Who waits for a plan.</param>
internal readonly record struct WakeupRequests(
    PassReason? Reason, List<TaskCompletionSource<PassReport>> Waiters, List<TaskCompletionSource<RecoveryPlanReport>> DryRuns)
{
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
