using System.Threading.Channels;
using SagaRecovery.Fencing;

namespace SagaRecovery.Bookkeeping;

/// <summary>A numbered claim that this process is starting a saga.</summary>
/// <remarks>Numbers are never reused, so that two starts of one saga id stay distinct.</remarks>
/// <param name="SagaId">The saga being started.</param>
/// <param name="Number">The sequence number of the announcement.</param>
public readonly record struct StartLease(SagaId SagaId, long Number);

/// <summary>The channel through which a process reports the starts and ends of its runs to the <see cref="SagaTracker"/>.</summary>
/// <remarks>The channel is unbounded, so no method blocks. Only the tracker can read from it. Thread-safe.</remarks>
public sealed class StartInbox
{
    private readonly Channel<StartMessage> _channel =
        Channel.CreateUnbounded<StartMessage>(new UnboundedChannelOptions { SingleReader = true }); // halves the cost of reading

    private long _lastLease;
    private int _unread;

    /// <summary>The number of messages that have not been read yet.</summary>
    public int Unread => Volatile.Read(ref _unread);

    /// <summary>Announces that this process is about to insert the row of a saga.</summary>
    /// <remarks>
    /// The caller must not insert the row before this method returns. The announcement is in the channel by then. Any listing that holds
    /// the row reads it later, so a drain after that listing finds the announcement.
    /// </remarks>
    /// <returns>The lease that the caller must confirm or withdraw.</returns>
    public StartLease Announce(SagaId sagaId)
    {
        var lease = new StartLease(sagaId, Interlocked.Increment(ref _lastLease));
        Write(new StartMessage(StartMessageKind.Announced, lease, AdoptGeneration.Initial));
        return lease;
    }

    /// <summary>Reports that the row is committed and that this process runs the saga.</summary>
    public void Confirm(StartLease lease, AdoptGeneration generation) =>
        Write(new StartMessage(StartMessageKind.Confirmed, lease, generation));

    /// <summary>Reports that a start failed.</summary>
    /// <remarks>If its row was committed nevertheless, a later listing holds it and recovery resumes the saga.</remarks>
    public void Withdraw(StartLease lease) =>
        Write(new StartMessage(StartMessageKind.Withdrawn, lease, AdoptGeneration.Initial));

    /// <summary>Reports that the executor stopped running an unfinished saga that it was not asked to relinquish.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="generation">The generation of the run.</param>
    /// <param name="reason">The reason, as one line for operators; null if the executor gives none.</param>
    /// <param name="isRequested">True if an operator requested the stop. The run then does not count as failed.</param>
    /// <remarks>The run must be over before this method is called. The next pass then recovers the saga.</remarks>
    public void ReportInterrupted(SagaId sagaId, AdoptGeneration generation, string? reason = null, bool isRequested = false) =>
        Write(new StartMessage(StartMessageKind.Interrupted, new StartLease(sagaId, 0), generation, reason, isRequested));

    /// <summary>Reports that the run of a saga has ended in this process.</summary>
    /// <remarks>
    /// The store must have accepted or refused the end before this method is called. If a listing that begins after this report was read
    /// still holds the saga as in progress and owned by this coordinator, the store has lost data.
    /// </remarks>
    public void ReportEnded(SagaId sagaId, AdoptGeneration generation) =>
        Write(new StartMessage(StartMessageKind.Ended, new StartLease(sagaId, 0), generation));

    internal bool TryRead(out StartMessage message)
    {
        if (!_channel.Reader.TryRead(out message))
        {
            return false;
        }

        Interlocked.Decrement(ref _unread);
        return true;
    }

    private void Write(StartMessage message)
    {
        Interlocked.Increment(ref _unread);
        _channel.Writer.TryWrite(message); // unbounded and never completed: always true
    }
}

internal enum StartMessageKind
{
    Announced,
    Confirmed,
    Withdrawn,
    Interrupted,
    Ended,
}

internal readonly record struct StartMessage(StartMessageKind Kind, StartLease Lease, AdoptGeneration Generation, string? Reason = null, bool IsRequested = false);
