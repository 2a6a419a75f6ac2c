using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// Runs the actions and undos of one saga side by side, and turns what becomes of them into events. Used by one run loop; not
/// thread-safe.
/// </summary>
internal sealed class NodeRunner(SagaCode code, SagaShape shape, SagaInjections? inject, RunStop stop)
{
    private readonly Lock _lock = new();
    private readonly List<NodeDone> _ended = []; // not taken yet; a channel would take 1.5 KB for each run
    private readonly List<SavedNodeEvent> _news = [];
    private TaskCompletionSource? _someEnded; // what the run loop waits for

    /// <summary>Actions and undos whose end has not been taken yet.</summary>
    public int InFlight { get; private set; }

    /// <summary>Begins an action or an undo, in the trace of the run.</summary>
    public void Begin(int node, bool undo)
    {
        InFlight++;
        ThreadPool.QueueUserWorkItem(
            static work => _ = work.Runner.RunAsync(work.Node, work.Undo), (Runner: this, Node: node, Undo: undo), preferLocal: true);
    }

    /// <summary>Waits until at least one has ended.</summary>
    /// <returns>What is to be logged, valid until the next call; nothing for one that was cut short by a stop.</returns>
    /// <exception cref="SagaDataException">An output cannot be written or read.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // once for each step of each saga
    public async ValueTask<List<SavedNodeEvent>> TakeEndedAsync()
    {
        await SomeEndedAsync().ConfigureAwait(false);
        _news.Clear();
        Exception? fault = null;
        lock (_lock)
        {
            foreach (NodeDone done in _ended)
            {
                fault ??= done.Fault;
                if (done.Event is { } nodeEvent)
                {
                    _news.Add(nodeEvent);
                }
            }

            ForgetEnded();
        }

        return fault is null ? _news : throw fault;
    }

    /// <summary>Waits until all have ended, whatever became of them.</summary>
    public async Task DrainAsync()
    {
        while (InFlight > 0)
        {
            await SomeEndedAsync().ConfigureAwait(false);
            lock (_lock)
            {
                ForgetEnded();
            }
        }
    }

    private void ForgetEnded()
    {
        InFlight -= _ended.Count;
        _ended.Clear();
    }

    private Task SomeEndedAsync()
    {
        lock (_lock)
        {
            return _ended.Count > 0
                ? Task.CompletedTask
                : (_someEnded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    private void NoteEnded(NodeDone done)
    {
        lock (_lock)
        {
            _ended.Add(done);
            _someEnded?.SetResult();
            _someEnded = null;
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Rethrown in the run loop, which owns this.")]
    private async Task RunAsync(int node, bool undo)
    {
        NodeDone done;
        try
        {
            done = new NodeDone(await (undo ? UndoAsync(node) : ActAsync(node)).ConfigureAwait(false), Fault: null);
        }
        catch (Exception fault)
        {
            done = new NodeDone(Event: null, fault);
        }

        NoteEnded(done);
    }

    private async Task<SavedNodeEvent?> ActAsync(int node)
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
                output = await code.ActAsync(node, stop.Actions).ConfigureAwait(false);
            }

            return new SavedNodeEvent(node, NodeEventType.Succeeded, output);
        }
        catch (Exception e) when (e is not SagaDataException)
        {
            return Failure(node, NodeEventType.Failed, e);
        }
    }

    private async Task<SavedNodeEvent?> UndoAsync(int node)
    {
        NodeInjection injection = InjectionFor(node);
        try
        {
            ThrowIfInjected(injection.FailsUndo);
            for (int run = 0; run < injection.UndoRuns; run++)
            {
                await code.UndoAsync(node, stop.Actions).ConfigureAwait(false);
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
            : null; // told to stop: what it throws then is no failure, and the node is run again where the saga is carried on

    private NodeInjection InjectionFor(int node) => inject?.For(shape.NameOf(node)) ?? NodeInjection.None;

    private static void ThrowIfInjected(bool fails)
    {
        if (fails)
        {
            throw new SagaActionException(SagaInjections.ErrorCode, "This failure was injected.");
        }
    }

    private readonly record struct NodeDone(SavedNodeEvent? Event, Exception? Fault);
}
