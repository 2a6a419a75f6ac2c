using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>What a run is of.</summary>
/// <param name="Id">Which saga.</param>
/// <param name="Definition">Its definition.</param>
/// <param name="Ownership">The right to write about it.</param>
/// <param name="State">What its row says.</param>
/// <param name="Progress">Where its log stands.</param>
/// <param name="Code">Its actions and undos.</param>
/// <param name="Inject">Failures and repeats put in.</param>
/// <param name="Cause">The span of the request that started it or of the pass that handed it over; null: there is none.</param>
internal sealed record RunSubject(
    SagaId Id,
    SagaDefinition Definition,
    Ownership Ownership,
    SagaState State,
    SagaProgress Progress,
    SagaCode Code,
    SagaInjections? Inject,
    ActivityContext? Cause);

/// <summary>
/// One run of one saga: a loop that records what happened, writes it together with what is decided next, and only then begins what was
/// decided. <see cref="ExecuteAsync"/> is called once; the rest is thread-safe.
/// </summary>
internal sealed class SagaRun : IDisposable
{
    private readonly TaskCompletionSource<SagaResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RunSubject _subject;
    private readonly SagaProgress _progress;
    private readonly NodeRunner _nodes;
    private readonly GroupWriter _writer;
    private readonly ILogger _logger;
    private readonly RunStop _stop = new();
    private Membership _member; // with which it writes
    private SagaState _writtenState;

    public SagaRun(RunSubject subject, GroupWriter writer, ILogger logger)
    {
        _subject = subject;
        _progress = subject.Progress;
        _nodes = new NodeRunner(subject.Code, _progress.Shape, subject.Inject, _stop);
        _writer = writer;
        _logger = logger;
        _member = subject.Ownership.Member;
        _writtenState = subject.State;
        Handle = new SagaHandle(subject.Id, _completion.Task);
    }

    public SagaId Id => _subject.Id;

    public AdoptGeneration Generation => _subject.Ownership.Generation;

    public SagaHandle Handle { get; }

    public bool IsStopping => _stop.Reason is not null;

    /// <summary>Whether the run stopped although its saga is still ours, so that it has to be recovered.</summary>
    public bool IsInterrupted => _stop.Reason is StopReason.Faulted or StopReason.Superseded;

    /// <summary>Whether the store has refused a write of the run, which is over for that.</summary>
    public bool WasRefused => _stop.Reason is StopReason.SagaFenced or StopReason.LostByDatabase;

    /// <summary>The place in the queue of those that wait for room; the <see cref="RunTable"/>'s, as is <see cref="Predecessor"/>.</summary>
    public LinkedListNode<SagaRun>? Place { get; set; }

    /// <summary>Completes when no code of an earlier run of the same saga is under way in this process any more.</summary>
    public Task Predecessor { get; set; } = Task.CompletedTask;

    public string Name => _subject.Definition.Saved.Name;

    public void Stop(StopReason reason) => _stop.Request(reason);

    public bool TryTakeAway() => _stop.TryTakeAway();

    /// <summary>Says what came of the run. Called once it is out of the table, so that whoever hears it finds it gone.</summary>
    public void Complete(SagaResult result) => _completion.SetResult(result);

    /// <summary>Ends a run that was stopped before it began. Called under the table's lock, so it logs nothing.</summary>
    public void CompleteUnbegun() => Complete(new SagaResult.Interrupted(Describe()));

    /// <summary>Runs the saga until it has ended or is to stop.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The boundary of one run: a bug in it must not end others. It is logged, and recovery is told.")]
    public async Task<SagaResult> ExecuteAsync()
    {
        try
        {
            // Two runs of one saga would call the same idempotency keys at the same time, though only one of them could write.
            await Predecessor.ConfigureAwait(false);
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
            _stop.Request(StopReason.Faulted);
            await _nodes.DrainAsync().ConfigureAwait(false);
            if (IsInterrupted)
            {
                Log.RunInterrupted(_logger, fault, Id, Name);
            }

            return Interrupted(IsInterrupted ? $": {fault.Message}" : "");
        }
    }

    /// <summary>Waits until the callbacks of cancelled actions have run, and lets go of the tokens.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Callbacks of other people's code.")]
    public async Task CloseAsync()
    {
        try
        {
            await _stop.CancelledAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.CancellationCallbackFailed(_logger, e, Id, Name);
        }

        Dispose();
    }

    public void Dispose() => _stop.Dispose();

    /// <summary>A trace of its own, linked to what began the run: a saga outlives requests and passes.</summary>
    private Activity? BeginSpan()
    {
        ActivityLink[] links = _subject.Cause is { } cause ? [new ActivityLink(cause)] : [];
        Activity? span = SagaRecoveryTelemetry.Source.StartActivity("saga.run", ActivityKind.Internal, default(ActivityContext), tags: null, links);
        span?.SetTag("saga.id", Id.ToString());
        span?.SetTag("saga.name", Name);
        return span;
    }

    private async Task<SagaResult> RunAsync()
    {
        List<SavedNodeEvent> news = [];
        while (!IsStopping)
        {
            Record(news);
            SagaTurn next = _progress.Next();

            // Durable first: an action that runs before its 'started' is written would, after a crash, never have been.
            if (!await WriteAsync([.. news, .. next.Events]).ConfigureAwait(false))
            {
                return Interrupted();
            }

            if (_progress.End is { } end)
            {
                return ResultOf(end);
            }

            // Told to stop during the write: nothing was begun, so there may be no end of anything to wait for.
            news = TryBegin(next) ? await _nodes.TakeEndedAsync().ConfigureAwait(false) : [];
        }

        return await WindDownAsync(news).ConfigureAwait(false);
    }

    /// <summary>Lets what is under way end, begins nothing more, and writes what came of it if the saga is still ours.</summary>
    private async Task<SagaResult> WindDownAsync(IEnumerable<SavedNodeEvent> unrecorded)
    {
        List<SavedNodeEvent> news = [.. unrecorded];
        while (_nodes.InFlight > 0)
        {
            news.AddRange(await _nodes.TakeEndedAsync().ConfigureAwait(false));
        }

        if (_stop.Reason == StopReason.Shutdown)
        {
            Record(news);
            if (await WriteAsync(news).ConfigureAwait(false) && _progress.End is { } end)
            {
                return ResultOf(end);
            }
        }

        return Interrupted();
    }

    private void Record(List<SavedNodeEvent> news)
    {
        bool wasUnwinding = _progress.IsUnwinding;
        foreach (SavedNodeEvent nodeEvent in news)
        {
            _progress.Record(nodeEvent);
        }

        if (!wasUnwinding && _progress.FailedNode is { } failed)
        {
            Log.Unwinding(_logger, Id, Name, _progress.Shape.NameOf(failed), SagaErrors.Read(_progress.ErrorOf(failed)));
        }
    }

    /// <summary>Writes events and, where it changed, the saga's state: together, so that no crash comes between.</summary>
    /// <returns>False: the saga is not ours any more.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // once for each step of each saga
    private async ValueTask<bool> WriteAsync(List<SavedNodeEvent> events)
    {
        SagaState? end = _progress.End;
        SagaState state = end ?? (_progress.IsUnwinding ? SagaState.Unwinding : SagaState.Running);
        if (events.Count == 0 && state == _writtenState)
        {
            return true; // resumed, and all that is to be done was under way already
        }

        if (!_stop.MayWrite(isLast: end is not null))
        {
            return false;
        }

        StopReason? refusal = await AppendAsync(events, state).ConfigureAwait(false);
        if (refusal is { } reason)
        {
            if (_stop.Reason != StopReason.Fenced) // or the whole process is, which has been said once
            {
                LogRefusal(reason);
            }

            _stop.Request(reason);
            await _nodes.DrainAsync().ConfigureAwait(false);
            return false;
        }

        _writtenState = state;
        return true;
    }

    /// <returns>Why it was refused; null: it was written.</returns>
    private async Task<StopReason?> AppendAsync(List<SavedNodeEvent> events, SagaState state)
    {
        try
        {
            var entry = new SagaLogEntry(Id, Generation, events, state == _writtenState ? null : state);
            return await _writer.AppendAsync(_member, entry).WaitAsync(_stop.Writes).ConfigureAwait(false) ? null : StopReason.SagaFenced;
        }
        catch (JoinLostException)
        {
            return await RestoreAsync(state).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// The database was failed over, restored or started anew, and may have lost what it had confirmed. All that this run knows is written
    /// again, with what is new, in one transaction: so the log never has a hole.
    /// </summary>
    private async Task<StopReason?> RestoreAsync(SagaState state)
    {
        var everything = new SagaLogEntry(Id, Generation, _progress.ToEvents(), state);
        (_member, RestoreOutcome outcome) = await _writer.RestoreAsync(_member, everything, _stop.Writes).ConfigureAwait(false);
        return outcome switch
        {
            RestoreOutcome.Restored => null,
            RestoreOutcome.Lost => StopReason.LostByDatabase,
            RestoreOutcome.Superseded => StopReason.Superseded,
            _ => StopReason.SagaFenced,
        };
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

    private bool TryBegin(SagaTurn next) => _stop.TryBegin(
        static work =>
        {
            foreach (int node in work.Next.Act)
            {
                work.Nodes.Begin(node, undo: false);
            }

            foreach (int node in work.Next.Undo)
            {
                work.Nodes.Begin(node, undo: true);
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

    private SagaResult ResultOf(SagaState end)
    {
        if (end == SagaState.Succeeded)
        {
            Log.Succeeded(_logger, Id, Name);
            return new SagaResult.Succeeded(new NodeOutputs(_progress.Shape, _progress.OutputOf, _subject.Definition.Json));
        }

        (string failedNode, SagaError failure) = ErrorAt(_progress.FailedNode!.Value);
        if (end == SagaState.Unwound)
        {
            Log.Unwound(_logger, Id, Name, failedNode);
            return new SagaResult.Unwound(failedNode, failure);
        }

        (string stuckNode, SagaError undoFailure) = ErrorAt(_progress.StuckNode!.Value);
        Log.Stuck(_logger, Id, Name, stuckNode, undoFailure);
        return new SagaResult.Stuck(stuckNode, undoFailure, failedNode, failure);
    }

    private (string Node, SagaError Error) ErrorAt(int node) =>
        (_progress.Shape.NameOf(node), SagaErrors.Read(_progress.ErrorOf(node)));
}
