using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using SagaRecovery.Executor.Definitions;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// Runs the actions and undos of one saga side by side, and turns what becomes of them into events. Used by one run loop; not
/// thread-safe.
/// </summary>
internal sealed class NodeRunner(SagaCode code, SagaShape shape, SagaInjections? inject, RunStop stop)
{
    private readonly Channel<NodeDone> _done = Channel.CreateUnbounded<NodeDone>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Actions and undos whose end has not been taken yet.</summary>
    public int InFlight { get; private set; }

    public void Begin(int node, bool undo)
    {
        InFlight++;
        _ = Task.Run(() => RunAsync(node, undo), CancellationToken.None); // ends in the channel, whatever happens
    }

    /// <summary>Waits until at least one has ended.</summary>
    /// <returns>What is to be logged; nothing for one that was cut short by a stop.</returns>
    /// <exception cref="SagaDataException">An output cannot be written or read.</exception>
    public async Task<List<SavedNodeEvent>> TakeEndedAsync()
    {
        List<SavedNodeEvent> events = [];
        NodeDone done = await _done.Reader.ReadAsync().ConfigureAwait(false);
        do
        {
            InFlight--;
            if (done.Fault is not null)
            {
                throw done.Fault;
            }

            if (done.Event is { } nodeEvent)
            {
                events.Add(nodeEvent);
            }
        }
        while (_done.Reader.TryRead(out done));

        return events;
    }

    /// <summary>Waits until all have ended, whatever became of them.</summary>
    public async Task DrainAsync()
    {
        for (; InFlight > 0; InFlight--)
        {
            await _done.Reader.ReadAsync().ConfigureAwait(false);
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

        _done.Writer.TryWrite(done); // unbounded and never completed: always true
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
