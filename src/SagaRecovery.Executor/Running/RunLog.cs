using System.Runtime.CompilerServices;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// The log of one run: its writes, and the restore after a loss. <see cref="Ownership"/> is thread-safe; the other members serve a single run loop.
/// </summary>
/// <param name="context">The saga.</param>
/// <param name="cancellation">The cancellation of the saga.</param>
/// <param name="writer">The writer of all runs.</param>
/// <param name="writes">The token of writes. It is cancelled when this process loses the saga.</param>
internal sealed class RunLog(RunContext context, RunCancellation cancellation, GroupWriter writer, CancellationToken writes)
{
    private readonly PendingWrite<Membership, SagaLogEntry, bool> _pending = CancelledWith(writes);
    private volatile StrongBox<Membership> _member = new(context.Ownership.Member); // changes when the run joins again after a loss

    /// <summary>The right to write to the log of the saga.</summary>
    public Ownership Ownership => _member.Value.Of(context.Ownership.Generation);

    /// <summary>The state in the row of the saga, as this run knows it.</summary>
    public SagaState State { get; private set; } = context.State;

    private SagaProgress Progress => context.Progress;

    /// <summary>Writes events and a state in one transaction.</summary>
    /// <param name="events">The events. The progress contains them already.</param>
    /// <param name="state">The state that follows from them.</param>
    /// <returns>The reason to stop; null if they were written.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // called once per step of every saga
    public async ValueTask<StopReason?> AppendAsync(IReadOnlyList<SavedNodeEvent> events, SagaState state)
    {
        StopReason? refusal;
        try
        {
            bool cancelsByDeadline = state != State && Progress.IsCancelled && cancellation.IsUnstored;
            var entry = new SagaLogEntry(context.Id, context.Ownership.Generation, events, state == State ? null : state)
            {
                Cancellation = cancelsByDeadline ? cancellation.Current : null,
                Failure = state == State ? null : Progress.FailureIn(state),
            };
            refusal = await writer.AppendAsync(_pending, _member.Value, entry).ConfigureAwait(false) ? null : StopReason.SagaFenced;
        }
        catch (JoinLostException)
        {
            refusal = await RestoreAsync(state).ConfigureAwait(false);
        }

        State = refusal is null ? state : State;
        return refusal;
    }

    /// <summary>Creates the object for the writes of this run. A run that has lost its saga must not wait for a store that does not answer.</summary>
    private static PendingWrite<Membership, SagaLogEntry, bool> CancelledWith(CancellationToken writes)
    {
        var pending = new PendingWrite<Membership, SagaLogEntry, bool>();
        writes.UnsafeRegister(static (pending, token) => ((PendingWrite<Membership, SagaLogEntry, bool>)pending!).Cancel(token), pending);
        return pending;
    }

    /// <summary>
    /// Restores the log after the database was failed over, restored or recreated and may have lost confirmed writes. All known events
    /// are written in one transaction with the new ones, so that the log never has a gap. The ends of transactional nodes are not: where they are lost,
    /// so is what they were written with.
    /// </summary>
    private async Task<StopReason?> RestoreAsync(SagaState state)
    {
        List<SavedNodeEvent> events = Progress.ToEvents();
        var everything = new SagaLogEntry(context.Id, context.Ownership.Generation, events, state)
        {
            Cancellation = Progress.IsCancelled || !cancellation.IsUnstored ? cancellation.Current : null,
            Failure = Progress.FailureIn(state),
            WrittenWithData = events.FindAll(nodeEvent =>
                Progress.Shape.IsTransactional(nodeEvent.NodeId)
                && (nodeEvent.Type is NodeEventType.Succeeded || (nodeEvent.Type is NodeEventType.UndoFinished && Progress.Shape.HasUndo(nodeEvent.NodeId)))),
            OpenSteps =
            [
                .. Enumerable.Range(0, Progress.Shape.Count)
                    .Where(node => Progress.Shape.IsTransactional(node) && Progress[node] is NodeState.Started or NodeState.UndoStarted)
                    .Select(node => new NodeStep(context.Id, node, IsUndo: Progress[node] is NodeState.UndoStarted)),
            ],
        };
        (Membership member, RestoreOutcome outcome) = await writer.RestoreAsync(_member.Value, everything, writes).ConfigureAwait(false);
        _member = new StrongBox<Membership>(member);
        return outcome switch
        {
            RestoreOutcome.Restored => null,
            RestoreOutcome.Lost => StopReason.LostByDatabase,
            RestoreOutcome.Superseded => StopReason.Superseded,
            _ => StopReason.SagaFenced,
        };
    }
}
