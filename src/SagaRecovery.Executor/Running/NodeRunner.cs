using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// The runner of the actions and undos of one saga. It runs them concurrently, each with the attempts that its policy allows, and turns
/// their results into events. <see cref="Steps"/> is thread-safe; the other members serve a single run loop.
/// </summary>
internal sealed class NodeRunner(SagaRun run, RunContext context, TransactionalSteps transactions, RunStop stop, ILogger logger)
{
    private readonly Lock _lock = new();
    private readonly List<NodeCompletion> _completed = new(1); // not taken yet; a channel would cost 1.5 KB per run
    private readonly List<StepInFlight> _steps = new(1); // most sagas run one step at a time
    private readonly List<SavedNodeEvent> _newEvents = new(1);
    private StepInFlight? _ended; // to be used again
    private readonly HashSet<int> _interrupted = context.IsFirst ? [] : FindInterrupted(context.Progress);
    private readonly ReusableSignal _completionSignal = new();
    private readonly Action<Exception> _onDisposeFailed =
        exception => Log.ScopeDisposeFailed(logger, exception, context.Id, context.Definition.Saved.Name); // the result of the step stands

    private bool _isAwaited; // the run loop waits for the signal
    private bool _isWoken; // the run loop is not to wait for a completion

    /// <summary>The number of actions and undos whose completion has not been taken yet.</summary>
    public int InFlight { get; private set; }

    /// <summary>The actions and undos that have not ended, with their attempts.</summary>
    public IReadOnlyList<StepInProgress> Steps
    {
        get
        {
            lock (_lock)
            {
                return [.. _steps.Select(step => step.ToProgress(Shape.NameOf(step.Node)))];
            }
        }
    }

    /// <summary>The number of actions and undos that are being retried.</summary>
    public int Retrying
    {
        get
        {
            lock (_lock)
            {
                return _steps.Count(step => step.IsRetrying);
            }
        }
    }

    /// <summary>True if every step in flight waits for its next attempt.</summary>
    public bool OnlyWaits
    {
        get
        {
            lock (_lock)
            {
                return _steps.Count > 0 && _steps.TrueForAll(step => step.IsWaiting);
            }
        }
    }

    /// <summary>Returns true if there are steps in flight, and all of them fulfil the predicate.</summary>
    public bool HasOnlySteps(Func<StepInFlight, bool> predicate)
    {
        lock (_lock)
        {
            return _steps.Count > 0 && _steps.TrueForAll(step => predicate(step));
        }
    }

    /// <summary>True if the run stops at the next step boundary: a failed attempt is not repeated.</summary>
    public bool IsHeld => stop.IsHeld;

    private SagaShape Shape => context.Progress.Shape;

    private DateTimeOffset Now => context.Pipelines.Time.Now;

    /// <summary>Starts an action or an undo in the trace of the run.</summary>
    public void Start(int node, bool undo)
    {
        InFlight++;
        StepInFlight step = Interlocked.Exchange(ref _ended, null) ?? new StepInFlight(this);
        step.Begin(node, undo, Now);
        lock (_lock)
        {
            _steps.Add(step);
        }

        ThreadPool.UnsafeQueueUserWorkItem(step, preferLocal: true); // it takes the execution context along by itself
    }

    /// <summary>Ends a wait of the run loop for a completion, or the next one, so that it looks at its requests.</summary>
    public void Wake()
    {
        bool isAwaited;
        lock (_lock)
        {
            _isWoken = true;
            (isAwaited, _isAwaited) = (_isAwaited, false);
        }

        if (isAwaited)
        {
            _completionSignal.Set();
        }
    }

    /// <summary>Waits for at least one completion or a <see cref="Wake"/>, and returns the events of all that are available.</summary>
    /// <returns>The events to log, valid until the next call. An action that a stop interrupted yields no event.</returns>
    /// <exception cref="SagaDataException">An output cannot be serialized or deserialized.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // called once per step of every saga
    public async ValueTask<List<SavedNodeEvent>> TakeCompletedAsync()
    {
        await WaitForCompletionAsync().ConfigureAwait(false);
        _newEvents.Clear();
        Exception? fault = null;
        lock (_lock)
        {
            foreach (NodeCompletion completion in _completed)
            {
                fault ??= completion.Fault;
                if (completion.Event is { } nodeEvent)
                {
                    _newEvents.Add(nodeEvent);
                }
            }

            ClearCompleted();
            _isWoken = false;
        }

        return fault is null ? _newEvents : throw fault;
    }

    /// <summary>Waits until all actions and undos have ended, and discards their results.</summary>
    public async Task DrainAsync()
    {
        while (InFlight > 0)
        {
            await WaitForCompletionAsync().ConfigureAwait(false);
            lock (_lock)
            {
                ClearCompleted();
                _isWoken = false;
            }
        }
    }

    /// <summary>Runs one attempt of a step, in the logging scope and the span of the step. Called by its pipeline.</summary>
    /// <returns>The output of an action; empty for an undo.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReadOnlyMemory<byte>> AttemptAsync(StepInFlight step, CancellationToken cancellationToken)
    {
        string node = Shape.NameOf(step.Node);
        int attempt = step.BeginAttempt(Now);
        using IDisposable? scope = logger.BeginScope(new StepScope(context.Id, context.Definition.Saved.Name, node, step.IsUndo, attempt));
        using Activity? span = BeginSpan(node, step, attempt);
        using CurrentStep current = CurrentStep.Begin(run, cancellationToken);
        try
        {
            return await RunOnceAsync(step, new StepRequest(step.Node, step.IsUndo, attempt, _onDisposeFailed, cancellationToken)).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            span?.SetStatus(ActivityStatusCode.Error, e.Message);
            step.RecordFailure(e);
            throw;
        }
    }

    /// <summary>Records that a failed step waits for its next attempt.</summary>
    public void OnRetry(StepInFlight step, Exception failure, DateTimeOffset nextAttempt, TimeSpan delay)
    {
        step.RecordDelay(nextAttempt, failure);
        string node = Shape.NameOf(step.Node);
        SagaError error = SagaErrors.Brief(failure);
        if (step.Attempt == 1)
        {
            Log.StepRetrying(logger, context.Id, context.Definition.Saved.Name, node, StepKind(step), error, PlainText.Duration(delay));
        }

        Log.StepRetryDetails(logger, failure, context.Id, node, StepKind(step), step.Attempt, PlainText.Duration(delay));
    }

    /// <summary>Reports an exception of <see cref="StepPolicy.ShouldHandle"/>. The failure that it was asked about is not retried.</summary>
    public void OnPredicateFailed(StepInFlight step, Exception exception) =>
        Log.PredicateFailed(logger, exception, context.Id, context.Definition.Saved.Name, Shape.NameOf(step.Node), StepKind(step));

    private static string StepKind(StepInFlight step) => step.IsUndo ? "undo" : "action";

    private static Activity? BeginSpan(string node, StepInFlight step, int attempt)
    {
        Activity? span = SagaRecoveryTelemetry.Source.StartActivity(step.IsUndo ? "saga.undo" : "saga.action");
        span?.SetTag("saga.node", node);
        span?.SetTag("saga.attempt", attempt);
        return span;
    }

    private void ClearCompleted()
    {
        InFlight -= _completed.Count;
        _completed.Clear();
    }

    private ValueTask WaitForCompletionAsync()
    {
        lock (_lock)
        {
            _isAwaited = _completed.Count == 0 && !_isWoken;
            return _isAwaited ? _completionSignal.Begin() : default;
        }
    }

    private void AddCompleted(StepInFlight step, NodeCompletion completion)
    {
        bool isAwaited;
        lock (_lock)
        {
            _steps.Remove(step);
            _ended = context.Pipelines.Of(step).HasLeft(step) ? step : null;
            _completed.Add(completion);
            (isAwaited, _isAwaited) = (_isAwaited, false);
        }

        if (isAwaited)
        {
            _completionSignal.Set();
        }
    }

    /// <summary>Runs a step to its completion.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The run loop rethrows it.")]
    public async Task RunAsync(StepInFlight step)
    {
        NodeCompletion completion;
        try
        {
            completion = new NodeCompletion(await RunToEventAsync(step).ConfigureAwait(false), Fault: null);
        }
        catch (Exception fault)
        {
            completion = new NodeCompletion(Event: null, fault);
        }

        AddCompleted(step, completion);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<SavedNodeEvent?> RunToEventAsync(StepInFlight step)
    {
        StepPipeline pipeline = context.Pipelines.Of(step);
        try
        {
            ReadOnlyMemory<byte> output = await pipeline.RunAsync(this, step, TokenOf(step)).ConfigureAwait(false);
            return step.Written ?? (context.Definition.Shape.IsTransactional(step.Node) ? throw NotWritten(step) : Success(step, output));
        }
        catch (Exception e) when (e is not SagaDataException)
        {
            return FailureOf(step, e) is { } failure ? await SettleAsync(step, failure).ConfigureAwait(false) : null;
        }
    }

    private SagaDataException NotWritten(StepInFlight step) => new(
        $"The pipeline of the {StepKind(step)} of node '{Shape.NameOf(step.Node)}' returned without a success of its code, whose transaction was rolled back.");

    private NodeStep Describe(StepInFlight step) => new(context.Id, step.Node, step.IsUndo);

    /// <summary>Nodes with a step that another run had begun: it may have ended it, too late for the log that this run was made from.</summary>
    private static HashSet<int> FindInterrupted(SagaProgress progress) =>
        progress.Shape.HasTransactionalNodes
            ? [.. Enumerable.Range(0, progress.Shape.Count).Where(node => progress[node] is NodeState.Started or NodeState.UndoStarted)]
            : [];

    private static SavedNodeEvent Success(StepInFlight step, ReadOnlyMemory<byte> output) =>
        new(step.Node, step.IsUndo ? NodeEventType.UndoFinished : NodeEventType.Succeeded, output);

    /// <summary>
    /// Returns the event that ends a failed step. An attempt of a transactional node may have succeeded although its answer was lost, or may still be on
    /// its way, so the store decides which of the two events the log contains.
    /// </summary>
    private async Task<SavedNodeEvent?> SettleAsync(StepInFlight step, SavedNodeEvent failure)
    {
        if (!context.Definition.Shape.IsTransactional(step.Node))
        {
            return failure;
        }

        step.EndWait();
        try
        {
            return await transactions.AppendAsync(run, Describe(step), _ => Task.FromResult(failure), stop.Actions)
                .WaitAsync(stop.Actions).ConfigureAwait(false); // no code of the user's: a stop need not wait for the store
        }
        catch (OperationCanceledException) when (stop.StopsSteps)
        {
            return null;
        }
    }

    /// <summary>Runs the code of a step once, or as often as an injection says.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadOnlyMemory<byte>> RunOnceAsync(StepInFlight inFlight, StepRequest step)
    {
        NodeInjection injection = context.Injections?.For(Shape.NameOf(step.Node)) ?? NodeInjection.None;
        if (!step.IsUndo && injection.FailsWhen is { } when)
        {
            await when(step.CancellationToken).ConfigureAwait(false);
        }

        if (step.IsUndo ? injection.FailsUndo : injection.FailsAction)
        {
            throw injection.FailsUncertainly ? new InjectedFailureException() : new SagaActionException(SagaInjections.ErrorCode, "This failure was injected.");
        }

        ReadOnlyMemory<byte> output = default;
        for (int runs = 0; runs < (step.IsUndo ? injection.UndoRuns : injection.ActionRuns); runs++)
        {
            output = context.Definition.Shape.IsTransactional(step.Node)
                ? await RunInTransactionAsync(inFlight, step).ConfigureAwait(false)
                : await context.Code.RunAsync(step).ConfigureAwait(false);
        }

        return injection.FailsUncertainly && !step.IsUndo ? throw new InjectedFailureException() : output;
    }

    private async Task<ReadOnlyMemory<byte>> RunInTransactionAsync(StepInFlight inFlight, StepRequest step)
    {
        SavedNodeEvent end = await transactions.AppendAsync(
            run,
            Describe(inFlight) with { IsFirstAttempt = inFlight is { Attempt: 1, Written: null } && !_interrupted.Contains(step.Node) },
            async transaction => Success(inFlight, await context.Code.RunAsync(step with { Transaction = transaction }).ConfigureAwait(false)),
            step.CancellationToken).ConfigureAwait(false);
        inFlight.Written = end;
        return end.Data;
    }

    private CancellationToken TokenOf(StepInFlight step) =>
        !step.IsUndo && context.Definition.MayStayOpen(step.Node) ? stop.Interruptible : stop.Actions;

    private SavedNodeEvent? FailureOf(StepInFlight step, Exception exception)
    {
        if (stop.StopsSteps)
        {
            return null; // a stop was requested: the exception is no failure, and the node runs again when the saga is resumed
        }

        if (stop.IsHeld && !stop.Interruptible.IsCancellationRequested && context.Pipelines.Of(step).MayRetry(this, step, exception))
        {
            return null; // it would have been retried, and is when the saga is released
        }

        exception = step.FailureBeforeWait ?? exception; // a cancellation ended the wait: what the last attempt met is the failure
        SagaError error = SagaErrors.From(exception, step.Attempt, context.Definition.Json);
        if (!step.IsUndo && exception is not SagaActionException)
        {
            bool isInterrupted = stop.Interruptible.IsCancellationRequested && context.Definition.MayStayOpen(step.Node);
            error = isInterrupted
                ? error with { Code = SagaErrors.Cancelled.Code, IsUncertain = true }
                : error with { IsUncertain = context.Definition.Policies[step.Node].UndoAfterFailure };
        }

        Log.StepFailed(
            logger, exception, context.Id, context.Definition.Saved.Name, Shape.NameOf(step.Node), StepKind(step), step.Attempt,
            SagaErrors.CutMessage(exception.Message));
        return new SavedNodeEvent(step.Node, step.IsUndo ? NodeEventType.UndoFailed : NodeEventType.Failed, SagaErrors.Write(error));
    }

    private readonly record struct NodeCompletion(SavedNodeEvent? Event, Exception? Fault);
}
