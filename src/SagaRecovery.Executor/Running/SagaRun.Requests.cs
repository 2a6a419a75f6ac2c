using SagaRecovery.Execution;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Running;

/// <content>The place of a run in the <see cref="RunTable"/>, what others ask of it while its loop runs, and its account for them.</content>
internal sealed partial class SagaRun
{
    /// <summary>The entry in a <see cref="RunQueue"/>; null while the run is not queued. Guarded by the lock of the table.</summary>
    public LinkedListNode<SagaRun>? QueueEntry { get; set; }

    /// <summary>True if recovery resumed the run, false if this process started its saga. Set before the run is admitted.</summary>
    public bool IsResumed { get; set; }

    /// <summary>The place in the order of arrival over all queues. Guarded by the lock of the table.</summary>
    public long QueueNumber { get; set; }

    /// <summary>The place in the order in which runs got their slots. Guarded by the lock of the table.</summary>
    public long SlotNumber { get; set; }

    /// <summary>The number of sagas for which its steps wait. Above 0, the run has lent its slot. Guarded by the lock of the table.</summary>
    public int SagasAwaited { get; set; }

    /// <summary>The steps in flight that do not end although their token has fired, for operators.</summary>
    public string DescribeSteps() => string.Join(", ", _nodes.Steps.Select(step => $"the {(step.IsUndo ? "undo" : "action")} of node '{step.Node}'"));

    public void Stop(StopReason reason)
    {
        _stop.Request(reason);
        WatchForHang();
    }

    public bool TryRelinquish()
    {
        bool isRelinquished = _stop.TryRelinquish();
        if (isRelinquished)
        {
            WatchForHang();
        }

        return isRelinquished;
    }

    /// <summary>Cancels the saga, unless it unwinds already. The first request counts.</summary>
    public void Cancel(SagaCancellation cancellation)
    {
        if (_cancellation.TrySet(cancellation))
        {
            OnCancelled();
        }
    }

    /// <summary>Ends the run once its steps in flight have ended and are logged.</summary>
    public void Suspend()
    {
        _stop.Request(StopReason.Held);
        _nodes.Wake();
    }

    /// <summary>
    /// Waits until the run loop has written with the present membership, for a step whose own write was refused. If the database has lost the join, the
    /// run joins again and restores its log first.
    /// </summary>
    /// <param name="cancellationToken">Cancelled when the run stops, as it does if the saga is no longer its own.</param>
    public Task VerifyOwnershipAsync(CancellationToken cancellationToken)
    {
        var request = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        request = Interlocked.CompareExchange(ref _verification, request, null) ?? request;
        _nodes.Wake();
        return request.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Creates the account of the run for operators.</summary>
    /// <param name="limit">The limit that makes the run wait for a slot; null if it has one.</param>
    public SagaRunProgress ToProgress(SlotLimit? limit = null) =>
        new(Id, Name, PhaseOf(limit), _nodes.Steps) { Limit = limit?.Setting, LongestRunning = limit?.LongestRunning, Slots = limit?.Slots };

    /// <summary>The number of steps that are being retried.</summary>
    public int RetryingSteps => _nodes.Retrying;

    /// <summary>Publishes the result. Must be called after the run is removed from the table, so that an observer cannot still find the run.</summary>
    public void Complete(SagaResult result)
    {
        _completion.TrySetResult(result);
        _ended.TrySetResult();
    }

    /// <summary>Publishes a result although the run has not ended, because its steps hang or the process shuts down without it.</summary>
    public void CompleteWithoutEnd()
    {
        string detail = DescribeSteps() is { Length: > 0 } steps ? $"; not ended: {steps}" : "";
        _completion.TrySetResult(new SagaResult.Interrupted(Describe() + detail));
    }

    /// <summary>Ends a run that was stopped before it started. It must not log, since it is called under the lock of the table.</summary>
    public void CompleteWithoutStarting()
    {
        Interlocked.Exchange(ref _hang, null)?.Dispose();
        _cancellation.Dispose();
        Complete(new SagaResult.Interrupted(Describe()));
    }

    /// <summary>Reports this run as hung if its steps have not ended some time after it was told to stop.</summary>
    private void WatchForHang()
    {
        ITimer timer = _time.CreateTimer(
            static run => ((SagaRun)run!)._services.OnHang((SagaRun)run), this, _services.StepStopTimeout, Timeout.InfiniteTimeSpan);
        if (_completion.Task.IsCompleted || Interlocked.CompareExchange(ref _hang, timer, null) is not null)
        {
            timer.Dispose();
        }
    }

    private void OnCancelled()
    {
        if (_stop.IsHeld)
        {
            _stop.Interrupt(); // the run only waits for its steps, and takes no more turns
        }

        _nodes.Wake();
    }

    private RunPhase PhaseOf(SlotLimit? limit) =>
        limit is not null ? RunPhase.WaitingForSlot : PredecessorsHaveEnded ? RunPhase.Running : RunPhase.WaitingForPreviousRun;
}
