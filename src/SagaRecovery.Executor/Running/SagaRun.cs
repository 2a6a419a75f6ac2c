using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// One run of one saga. Its loop records events, writes them together with the next decisions, and only then begins the decided steps.
/// <see cref="ExecuteAsync"/> is called once. All other members are thread-safe.
/// </summary>
internal sealed partial class SagaRun : IDisposable
{
    private readonly TaskCompletionSource<SagaResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RunContext _context;
    private readonly SagaProgress _progress;
    private readonly NodeRunner _nodes;
    private readonly RunLog _log;
    private readonly ILogger _logger;
    private readonly RunStop _stop = new();
    private readonly RunCancellation _cancellation;
    private readonly RunResults _results;
    private readonly SteadyTimeProvider _time;
    private readonly RunServices _services;
    private ITimer? _hang;
    private TaskCompletionSource? _verification; // requested by a step, and answered by the next write

    public SagaRun(RunContext context, GroupWriter writer, RunServices services, SteadyTimeProvider time, ILogger logger)
    {
        _services = services;
        _time = time;
        _context = context;
        _progress = context.Progress;
        _nodes = new NodeRunner(this, context, services.Transactions, _stop, logger);
        _logger = logger;
        Handle = new SagaHandle(context.Id, _completion.Task);
        _cancellation = new RunCancellation(context.Cancellation, context.Deadline, time, OnCancelled);
        _results = new RunResults(context, _cancellation, logger);
        _log = new RunLog(context, _cancellation, writer, _stop.Writes);
    }

    public SagaId Id => _context.Id;

    public AdoptGeneration Generation => _context.Ownership.Generation;

    /// <summary>The right to write to the log of the saga.</summary>
    public Ownership Ownership => _log.Ownership;

    public SagaHandle Handle { get; }

    public bool IsStopping => _stop.Reason is not null;

    /// <summary>True if the run stopped while this process still owns the saga. Recovery has to resume it.</summary>
    public bool IsInterrupted => _stop.Reason is StopReason.Faulted or StopReason.Superseded or StopReason.Held or StopReason.PredecessorHangs;

    /// <summary>True if the run stopped because an operator holds the saga.</summary>
    public bool IsHeld => _stop.IsHeld;

    /// <summary>True if the run ended because the store rejected a write.</summary>
    public bool WasRefused => _stop.Reason is StopReason.SagaFenced or StopReason.LostByDatabase;

    /// <summary>The earlier runs of the same saga in this process that had not ended when this one was admitted. Set by the <see cref="RunTable"/>.</summary>
    public IReadOnlyList<SagaRun> Predecessors { get; set; } = [];

    /// <summary>A task that completes when the run has ended. Its handle may complete earlier, if a step hangs.</summary>
    public Task Ended => _ended.Task;

    /// <summary>True for a run with a step that did not end in time.</summary>
    public bool Hangs => _completion.Task.IsCompleted && !_ended.Task.IsCompleted;

    public string Name => _context.Definition.Saved.Name;

    /// <summary>Runs the saga until it ends or a stop is requested.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The boundary of one run: a bug in it must not end other runs. It is logged and reported to recovery.")]
    public async Task<SagaResult> ExecuteAsync()
    {
        try
        {
            // Must come first: two runs of one saga would use the same idempotency keys at the same time, although only one could write.
            if (!await PredecessorsEndAsync().ConfigureAwait(false))
            {
                _stop.Request(StopReason.PredecessorHangs);
                return Interrupted($": {string.Join(", ", Predecessors.Where(run => !run.Ended.IsCompleted).Select(run => run.DescribeSteps()))}");
            }

            Predecessors = [];

            using Activity? span = BeginSpan();
            SagaResult result = await RunAsync().ConfigureAwait(false);
            span?.SetTag("saga.result", result.GetType().Name);
            return result;
        }
        catch (OperationCanceledException) when (IsStopping)
        {
            await _nodes.DrainAsync().ConfigureAwait(false);
            return Interrupted();
        }
        catch (Exception fault)
        {
            Stop(StopReason.Faulted);
            await _nodes.DrainAsync().ConfigureAwait(false);
            if (IsInterrupted)
            {
                Log.RunInterrupted(_logger, fault, Id, Name);
            }

            return Interrupted(IsInterrupted ? $": {fault.Message}" : "");
        }
    }

    /// <summary>Waits for the cancellation callbacks of the actions, and disposes the tokens.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Callbacks of user code.")]
    public async Task CloseAsync()
    {
        try
        {
            await _stop.WhenCallbacksCompletedAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.CancellationCallbackFailed(_logger, e, Id, Name);
        }

        Dispose();
    }

    public void Dispose()
    {
        Interlocked.Exchange(ref _hang, null)?.Dispose();
        _cancellation.Dispose();
        _stop.Dispose();
    }

    /// <summary>
    /// Waits for the earlier runs of the saga, unless one is known to hang. A step that hangs is no obstacle if the log shows that it is over: an
    /// operator has ended it.
    /// </summary>
    private async Task<bool> PredecessorsEndAsync()
    {
        if (!PredecessorsHaveEnded && !Predecessors.Any(run => run.Hangs))
        {
            await Task.WhenAll(Predecessors.Select(run => run.Ended))
                .WaitAsync(_services.StepStopTimeout, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return Predecessors.All(run => run.Ended.IsCompleted || run._nodes.HasOnlySteps(IsOver));
    }

    /// <summary>Returns true for a step of an earlier run whose node needs no further step, according to the log.</summary>
    private bool IsOver(StepInFlight step) =>
        _progress[step.Node] is NodeState.UndoFinished || (!step.IsUndo && _progress[step.Node] is NodeState.Failed);

    private bool PredecessorsHaveEnded => Predecessors.All(run => run.Ended.IsCompleted);

    /// <summary>Starts a separate trace, linked to the span that started the run. A saga outlives requests and passes.</summary>
    private Activity? BeginSpan()
    {
        ActivityLink[] links = _context.StartedBy is { } startedBy ? [new ActivityLink(startedBy)] : [];
        Activity? span = SagaRecoveryTelemetry.Source.StartActivity("saga.run", ActivityKind.Internal, default(ActivityContext), tags: null, links);
        span?.SetTag("saga.id", Id.ToString());
        span?.SetTag("saga.name", Name);
        return span;
    }

    private async Task<SagaResult> RunAsync()
    {
        List<SavedNodeEvent> newEvents = [];
        while (!IsStopping)
        {
            Record(newEvents);
            ObeyCancellation();
            NextSteps next = _progress.Next();

            // Must precede TryStart: after a crash, the log would lack an action that began before its 'started' event was written.
            if (!await WriteAsync((SavedNodeEvent[])[.. newEvents, .. next.Events]).ConfigureAwait(false))
            {
                return Interrupted();
            }

            if (_progress.End is { } end)
            {
                return _results.Of(end);
            }

            // A stop during the write starts nothing, so there may be no completion to wait for.
            newEvents = TryStart(next) ? await _nodes.TakeCompletedAsync().ConfigureAwait(false) : [];
        }

        return await WindDownAsync(newEvents).ConfigureAwait(false);
    }

    /// <summary>Waits for the steps in flight without starting new ones. Writes their results if this process still owns the saga.</summary>
    private async Task<SagaResult> WindDownAsync(IEnumerable<SavedNodeEvent> unrecorded)
    {
        List<SavedNodeEvent> newEvents = [.. unrecorded];
        while (_nodes.InFlight > 0)
        {
            if (_stop.IsHeld && Volatile.Read(ref _verification) is not null) // before the wait: its wake may be consumed
            {
                Record(newEvents);
                if (!await WriteAsync(newEvents).ConfigureAwait(false))
                {
                    return Interrupted();
                }

                newEvents = [];
            }

            if (_stop.IsHeld && _nodes.OnlyWaits)
            {
                _stop.EndWaits();
            }

            newEvents.AddRange(await _nodes.TakeCompletedAsync().ConfigureAwait(false));
        }

        if (_stop.Reason is StopReason.Shutdown or StopReason.Held)
        {
            Record(newEvents);
            if (await WriteAsync(newEvents).ConfigureAwait(false) && _progress.End is { } end)
            {
                return _results.Of(end);
            }
        }

        return Interrupted();
    }

    private void ObeyCancellation()
    {
        if (_progress.IsCancelled || _cancellation.Current is not { } cancellation)
        {
            return;
        }

        if (_progress.IsUnwinding && _cancellation.IsUnstored)
        {
            return; // it failed before its deadline
        }

        _progress.Cancel(_context.Definition.MayStayOpen);
        _stop.Interrupt();
        if (_log.State == SagaState.Running)
        {
            Log.Cancelling(_logger, Id, Name, cancellation.Note.Actor, cancellation.Note.Reason);
        }
    }

    private void Record(List<SavedNodeEvent> newEvents)
    {
        bool wasUnwinding = _progress.IsUnwinding;
        foreach (SavedNodeEvent nodeEvent in newEvents)
        {
            _progress.Record(nodeEvent);
        }

        if (!wasUnwinding && _progress.FailedNode is { } failed)
        {
            Log.Unwinding(_logger, Id, Name, _progress.Shape.NameOf(failed), SagaErrors.Read(_progress.ErrorOf(failed)));
        }
    }

    /// <summary>Writes events, and the state of the saga if it changed, in one transaction, so that a crash cannot separate them.</summary>
    /// <returns>True if written; false if the run has to stop.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // called once per step of every saga
    private async ValueTask<bool> WriteAsync(IReadOnlyList<SavedNodeEvent> events)
    {
        SagaState? end = _progress.End;
        SagaState state = end ?? (_progress.IsUnwinding ? SagaState.Unwinding : SagaState.Running);
        TaskCompletionSource? verification = Interlocked.Exchange(ref _verification, null);
        if (events.Count == 0 && state == _log.State && verification is null)
        {
            return true; // resumed, and every next step had already been logged
        }

        if (!_stop.TryBeginWrite(isLast: end is not null))
        {
            return false;
        }

        StopReason? refusal = await _log.AppendAsync(events, state).ConfigureAwait(false);
        if (refusal == StopReason.SagaFenced && end == SagaState.Succeeded && await _services.FindCancellation(this).ConfigureAwait(false) is { } cancellation)
        {
            Cancel(cancellation); // and wakes the loop, which then decides on the undos
            ObeyCancellation();
            return await WriteAsync(events).ConfigureAwait(false); // no step waits for a verification: none is in flight at the end of a saga
        }

        if (refusal is { } reason)
        {
            if (_stop.Reason != StopReason.Fenced) // a fenced process is logged once, not once per run
            {
                LogRefusal(reason);
            }

            Stop(reason);
            await _nodes.DrainAsync().ConfigureAwait(false);
            return false;
        }

        verification?.SetResult();
        return true;
    }

    private void LogRefusal(StopReason reason)
    {
        if (reason == StopReason.SagaFenced)
        {
            Log.Fenced(_logger, Id, Name, Generation);
        }
        else
        {
            Log.NotRestored(_logger, Id, Name, reason.Describe());
        }
    }

    private bool TryStart(NextSteps next) => _stop.TryStart(
        static work =>
        {
            foreach (int node in work.Next.Actions)
            {
                work.Nodes.Start(node, undo: false);
            }

            foreach (int node in work.Next.Undos)
            {
                work.Nodes.Start(node, undo: true);
            }
        },
        (Nodes: _nodes, Next: next));

    private SagaResult.Interrupted Interrupted(string detail = "")
    {
        string reason = Describe() + detail;
        Log.Interrupted(_logger, Id, Name, reason);
        return new SagaResult.Interrupted(reason);
    }

    private string Describe() => (_stop.Reason ?? StopReason.Faulted).Describe();
}
