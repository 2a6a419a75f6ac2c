using System.Threading.Channels;
using SagaRecovery.Fencing;

namespace SagaRecovery.Bookkeeping;

/// <summary>A numbered claim that this process is starting a saga. Numbers are never reused, so that two starts of one id stay apart.</summary>
/// <param name="SagaId">The saga being started.</param>
/// <param name="Number">Which start, in the order of announcing.</param>
public readonly record struct StartLease(SagaId SagaId, long Number);

/// <summary>
/// Where a process says which sagas it starts, and where the <see cref="SagaTracker"/> reads it: an unbounded channel whose reader no
/// one else can reach. Writing never blocks. Thread-safe.
/// </summary>
public sealed class StartInbox
{
    private readonly Channel<StartMessage> _channel =
        Channel.CreateUnbounded<StartMessage>(new UnboundedChannelOptions { SingleReader = true }); // half the cost of reading

    private long _lastLease;
    private int _unread;

    /// <summary>Messages written and not yet read by a pass.</summary>
    public int Unread => Volatile.Read(ref _unread);

    /// <summary>
    /// Says that this process is about to insert the row of a saga. It is in the channel when this returns: whoever lists that row can
    /// only do so afterwards, and finds the announcement by draining after the listing.
    /// </summary>
    public StartLease Announce(SagaId sagaId)
    {
        var lease = new StartLease(sagaId, Interlocked.Increment(ref _lastLease));
        Write(new StartMessage(StartMessageKind.Announced, lease, AdoptGeneration.Initial));
        return lease;
    }

    /// <summary>Says that the row is committed and that this process runs the saga.</summary>
    public void Confirm(StartLease lease, AdoptGeneration generation) =>
        Write(new StartMessage(StartMessageKind.Confirmed, lease, generation));

    /// <summary>Says that this start came to nothing. If its row lands after all, a later listing shows it and it is recovered.</summary>
    public void Withdraw(StartLease lease) =>
        Write(new StartMessage(StartMessageKind.Withdrawn, lease, AdoptGeneration.Initial));

    /// <summary>
    /// Says that the executor stopped running a saga that is not finished and that nobody took away. Its run must be over before this
    /// is called; the next pass then recovers it.
    /// </summary>
    public void ReportInterrupted(SagaId sagaId, AdoptGeneration generation) =>
        Write(new StartMessage(StartMessageKind.Interrupted, new StartLease(sagaId, 0), generation));

    /// <summary>
    /// Says that the run of a saga is over in this process. Its end must be in the store, or refused by it, before this is called: a listing
    /// that begins once this was read, and shows the saga in progress and ours all the same, proves that the store has lost something.
    /// </summary>
    public void End(SagaId sagaId, AdoptGeneration generation) =>
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

internal readonly record struct StartMessage(StartMessageKind Kind, StartLease Lease, AdoptGeneration Generation);
