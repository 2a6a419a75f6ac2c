using System.Data.Common;
using SagaRecovery.Coordinators;
using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Hosting;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// The writer of log entries for all runs. It groups the entries that queue up during a write into one transaction. Several writes may be
/// in flight at once. The entries of one saga keep their order, since a run submits an entry only after the previous one is answered.
/// Thread-safe.
/// </summary>
internal sealed class GroupWriter : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopping;
    private readonly DetachedCancellation _logCancellation;
    private readonly GroupCommit<Membership, SagaLogEntry, bool> _commit;
    private readonly ISagaLog _log;
    private readonly SagaCoordinator _coordinator;
    private readonly StoreRetry _retry;
    private readonly TimeProvider _time;
    private readonly DurableExecutorOptions _options;
    private readonly ExecutorMetrics _metrics;
    private readonly SemaphoreSlim _restores; // every restore is a separate transaction, so their number is limited
    private bool _disposed;

    public GroupWriter(
        ISagaLog log, SagaCoordinator coordinator, StoreRetry retry, TimeProvider time, DurableExecutorOptions options, ExecutorMetrics metrics)
    {
        _stopping = _stop.Token;
        _logCancellation = new DetachedCancellation(_stopping);
        _commit = new GroupCommit<Membership, SagaLogEntry, bool>(
            WriteAsync, Weigh, options.MaxWriteGroup, options.MaxConcurrentWrites, mayBeForOneItem: WriteFailures.MayBeForOneEntry);
        _log = log;
        _coordinator = coordinator;
        _retry = retry;
        _time = time;
        _options = options;
        _metrics = metrics;
        _restores = new SemaphoreSlim(options.MaxConcurrentWrites);
    }

    /// <summary>The number of entries that wait for their write to begin.</summary>
    public int Queued => _commit.Queued;

    /// <summary>Appends an entry to the log.</summary>
    /// <param name="pending">The object of the run, which is used for each of its entries. Cancelling it ends the wait; the entry may still be written.</param>
    /// <param name="member">The membership of the run.</param>
    /// <param name="entry">The entry.</param>
    /// <returns>
    /// True if the entry was written; false if this process no longer owns the saga. The task is cancelled when the writer stops, and the
    /// outcome is then unknown.
    /// </returns>
    /// <exception cref="DbException">The database rejects the data of this entry.</exception>
    /// <exception cref="JoinLostException">
    /// The database has lost the join of this process. Nothing was written. Call <see cref="RestoreAsync"/> before the next write.
    /// </exception>
    public ValueTask<bool> AppendAsync(PendingWrite<Membership, SagaLogEntry, bool> pending, Membership member, SagaLogEntry entry) =>
        _commit.WriteAsync(pending, member, entry);

    /// <summary>
    /// Joins again unless another run has done so, and writes the complete log of a saga. Retries until the store answers.
    /// </summary>
    /// <param name="lost">The membership that the database has lost.</param>
    /// <param name="allEvents">All events of the run, and the state that follows from them.</param>
    /// <param name="cancellationToken">Cancels the restore when the run has lost its saga: its events must not be written any more.</param>
    /// <returns>The membership for all further writes, and the outcome of the restore. The task is cancelled when the writer stops.</returns>
    /// <exception cref="CoordinatorFencedException">Another process has joined in the meantime.</exception>
    /// <exception cref="DbException">The database rejects the data of the log.</exception>
    public async Task<(Membership Member, RestoreOutcome Outcome)> RestoreAsync(
        Membership lost, SagaLogEntry allEvents, CancellationToken cancellationToken)
    {
        Membership member = lost;
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(_stopping, cancellationToken);
        using var logCancellation = new DetachedCancellation(stopping.Token);
        await _restores.WaitAsync(stopping.Token).ConfigureAwait(false);
        try
        {
            RestoreOutcome outcome = await _retry.UntilAnsweredAsync(
                () => RejoinAndRestoreAsync().WaitAsync(stopping.Token), isAnswer: WriteFailures.AnswerToRestore(), stopping.Token).ConfigureAwait(false);
            return (member, outcome);
        }
        finally
        {
            _restores.Release();
        }

        async Task<RestoreOutcome> RejoinAndRestoreAsync()
        {
            try
            {
                member = await _coordinator.RejoinAsync(member, stopping.Token).ConfigureAwait(false);
                return await _log.RestoreAsync(member, allEvents, logCancellation.Token).ConfigureAwait(false);
            }
            catch (CoordinatorFencedException fenced)
            {
                _coordinator.ReportFenced(fenced);
                return RestoreOutcome.NotOwned;
            }
        }
    }

    /// <summary>Stops the writer. Cancels all unanswered entries, even if the log ignores its token.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _commit.WhenIdleAsync().ConfigureAwait(false);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return; // the container disposes the executor once for each of its registrations
        }

        _stop.Cancel();
        _stop.Dispose();
        _logCancellation.Dispose();
        _restores.Dispose();
    }

    /// <summary>Returns the number of rows, or of shares of the limit in bytes if that is larger.</summary>
    private int Weigh(SagaLogEntry entry)
    {
        int rows = Math.Max(1, entry.Events.Count + (entry.NewState is null ? 0 : 1));
        long bytes = 0;
        for (int i = 0; i < entry.Events.Count; i++) // an enumerator would be allocated
        {
            bytes += entry.Events[i].Data.Length;
        }

        return (int)Math.Max(rows, Math.Min(int.MaxValue / 2, bytes * _options.MaxWriteGroup / _options.MaxWriteGroupBytes));
    }

    /// <summary>
    /// Retries the same group until the store answers. A write whose answer was lost may have taken effect, and writing it again
    /// is harmless. A group that may be too large is not retried as it is, but halved; a single entry that fails again and again fails its
    /// saga, since it would otherwise hold one of the few writers.
    /// </summary>
    private Task<IReadOnlyList<bool>> WriteAsync(Membership member, IReadOnlyList<SagaLogEntry> entries) => _retry.UntilAnsweredAsync(async () =>
    {
        long sent = _time.GetTimestamp();
        IReadOnlyList<bool> written = await AppendAsync(member, entries).WaitAsync(_stopping).ConfigureAwait(false);
        _metrics.GroupWritten(entries, written, _time.GetElapsedTime(sent));
        return written;
    }, isAnswer: WriteFailures.AnswerTo(entries.Count), _stopping);

    private async Task<IReadOnlyList<bool>> AppendAsync(Membership member, IReadOnlyList<SagaLogEntry> entries)
    {
        try
        {
            IReadOnlyList<bool> written = await _log.AppendAsync(member, entries, _logCancellation.Token).ConfigureAwait(false);
            return written.Count == entries.Count
                ? written
                : throw new InvalidOperationException($"The saga log returned {written.Count} results for {entries.Count} entries.");
        }
        catch (CoordinatorFencedException fenced)
        {
            _coordinator.ReportFenced(fenced);
            return new bool[entries.Count];
        }
    }
}
