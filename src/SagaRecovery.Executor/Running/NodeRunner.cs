using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// The runner of the actions and undos of one saga. It runs them concurrently and turns their results into events. Used by a single run
/// loop; not thread-safe.
/// </summary>
internal sealed class NodeRunner(SagaCode code, SagaShape shape, SagaInjections? injections, RunStop stop)
{
    private readonly Lock _lock = new();
    private readonly List<NodeCompletion> _completed = []; // not taken yet; a channel would cost 1.5 KB per run
    private readonly List<SavedNodeEvent> _newEvents = [];
    private TaskCompletionSource? _completionSignal; // what the run loop waits for

    /// <summary>The number of actions and undos whose completion has not been taken yet.</summary>
    public int InFlight { get; private set; }

    /// <summary>Starts an action or an undo in the trace of the run.</summary>
    public void Start(int node, bool undo)
    {
        InFlight++;
        ThreadPool.QueueUserWorkItem(
            static work => _ = work.Runner.RunAsync(work.Node, work.Undo), (Runner: this, Node: node, Undo: undo), preferLocal: true);
    }

    /// <summary>Waits for at least one completion, and returns the events of all that are available.</summary>
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
            }
        }
    }

    private void ClearCompleted()
    {
        InFlight -= _completed.Count;
        _completed.Clear();
    }

    private Task WaitForCompletionAsync()
    {
        lock (_lock)
        {
            return _completed.Count > 0
                ? Task.CompletedTask
                : (_completionSignal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    private void AddCompleted(NodeCompletion completion)
    {
        lock (_lock)
        {
            _completed.Add(completion);
            _completionSignal?.SetResult();
            _completionSignal = null;
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "The run loop rethrows it.")]
    private async Task RunAsync(int node, bool undo)
    {
        NodeCompletion completion;
        try
        {
            completion = new NodeCompletion(await (undo ? RunUndoAsync(node) : RunActionAsync(node)).ConfigureAwait(false), Fault: null);
        }
        catch (Exception fault)
        {
            completion = new NodeCompletion(Event: null, fault);
        }

        AddCompleted(completion);
    }

    private async Task<SavedNodeEvent?> RunActionAsync(int node)
    {
        NodeInjection injection = InjectionFor(node);
        try
        {
            if (injection.FailsWhen is { } when)
            {
                await when(stop.Actions).ConfigureAwait(false);
            }

            ThrowIfInjected(injection.FailsAction);
            ReadOnlyMemory<byte> output = default;
            for (int run = 0; run < injection.ActionRuns; run++)
            {
                output = await code.RunActionAsync(node, stop.Actions).ConfigureAwait(false);
            }

            return new SavedNodeEvent(node, NodeEventType.Succeeded, output);
        }
        catch (Exception e) when (e is not SagaDataException)
        {
            return Failure(node, NodeEventType.Failed, e);
        }
    }

    private async Task<SavedNodeEvent?> RunUndoAsync(int node)
    {
        NodeInjection injection = InjectionFor(node);
        try
        {
            ThrowIfInjected(injection.FailsUndo);
            for (int run = 0; run < injection.UndoRuns; run++)
            {
                await code.RunUndoAsync(node, stop.Actions).ConfigureAwait(false);
            }

            return new SavedNodeEvent(node, NodeEventType.UndoFinished, default);
        }
        catch (Exception e) when (e is not SagaDataException)
        {
            return Failure(node, NodeEventType.UndoFailed, e);
        }
    }

    private SavedNodeEvent? Failure(int node, NodeEventType type, Exception exception) =>
        stop.Reason is null
            ? new SavedNodeEvent(node, type, SagaErrors.Write(SagaErrors.From(exception)))
            : null; // a stop was requested: the exception is no failure, and the node runs again when the saga is resumed

    private NodeInjection InjectionFor(int node) => injections?.For(shape.NameOf(node)) ?? NodeInjection.None;

    private static void ThrowIfInjected(bool fails)
    {
        if (fails)
        {
            throw new SagaActionException(SagaInjections.ErrorCode, "This failure was injected.");
        }
    }

    private readonly record struct NodeCompletion(SavedNodeEvent? Event, Exception? Fault);
}
