using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using SagaRecovery.Coordinators;
using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Hosting;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// Writes the entries of all runs to the saga log, as many to a transaction as have queued meanwhile. Several writes may be under way
/// at once; entries of one saga keep their order because a run hands in its next entry only when it has the answer to the last.
/// Thread-safe.
/// </summary>
internal sealed class GroupWriter : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopping;
    private readonly DetachedCancellation _stopsLog;
    private readonly GroupCommit<Membership, SagaLogEntry, bool> _commit;
    private readonly ISagaLog _log;
    private readonly SagaCoordinator _coordinator;
    private readonly TimeProvider _time;
    private readonly DurableExecutorOptions _options;
    private readonly ExecutorMetrics _metrics;
    private readonly WriteHealth _health;
    private readonly SemaphoreSlim _restores; // each is a transaction of its own: not all runs at once
    private bool _disposed;

    public GroupWriter(
        ISagaLog log, SagaCoordinator coordinator, TimeProvider time, DurableExecutorOptions options, ExecutorMetrics metrics, ILogger logger)
    {
        _stopping = _stop.Token;
        _stopsLog = new DetachedCancellation(_stopping);
        _commit = new GroupCommit<Membership, SagaLogEntry, bool>(WriteAsync, RowsOf, options.MaxWriteGroup, options.MaxConcurrentWrites);
        _log = log;
        _coordinator = coordinator;
        _time = time;
        _options = options;
        _metrics = metrics;
        _health = new WriteHealth(time, logger);
        _restores = new SemaphoreSlim(options.MaxConcurrentWrites);
    }

    /// <summary>Entries that wait for their write to begin.</summary>
    public int Queued => _commit.Queued;

    /// <summary>Writes an entry.</summary>
    /// <returns>
    /// Whether it was written; false: the saga is not ours any more. Cancelled when the writer is stopped; then it is not known whether
    /// it was written.
    /// </returns>
    /// <exception cref="DbException">The database cannot take this entry.</exception>
    /// <exception cref="JoinLostException">
    /// The database does not know the join of this process any more. Nothing was written, and nothing may be, before <see cref="RestoreAsync"/>.
    /// </exception>
    public Task<bool> AppendAsync(Membership member, SagaLogEntry entry) =>
        _commit.WriteAsync(member, entry, CancellationToken.None); // answered by the write of its group, whatever becomes of that

    /// <summary>
    /// Joins again, if that has not been done, and writes all that a run knows of its saga. Tries until there is an answer.
    /// </summary>
    /// <param name="lost">The membership that the database does not know any more.</param>
    /// <param name="everything">All events that the run knows, and the state that follows from them.</param>
    /// <param name="cancellationToken">Fires when the run is over: what it knew is then not to be written any more.</param>
    /// <returns>What the run writes with from now on, and what became of its log. Cancelled when the writer is stopped.</returns>
    /// <exception cref="CoordinatorFencedException">Another process has joined since.</exception>
    /// <exception cref="DbException">The database cannot take the log.</exception>
    public async Task<(Membership Member, RestoreOutcome Outcome)> RestoreAsync(
        Membership lost, SagaLogEntry everything, CancellationToken cancellationToken)
    {
        Membership member = lost;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stopping, cancellationToken);
        using var stopsLog = new DetachedCancellation(over.Token);
        await _restores.WaitAsync(over.Token).ConfigureAwait(false);
        try
        {
            RestoreOutcome outcome = await TryUntilAnsweredAsync(async () =>
            {
                try
                {
                    member = await _coordinator.RejoinAsync(member, over.Token).ConfigureAwait(false);
                    return await _log.RestoreAsync(member, everything, stopsLog.Token).ConfigureAwait(false);
                }
                catch (CoordinatorFencedException fenced)
                {
                    _coordinator.ReportFenced(fenced);
                    return RestoreOutcome.NotOurs;
                }
            }, isAnswer: IsForTheData, over.Token).ConfigureAwait(false);
            return (member, outcome);
        }
        finally
        {
            _restores.Release();
        }
    }

    /// <summary>Stops. Entries that have not been answered are given up, even if the log does not heed its token.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _commit.WhenIdleAsync().ConfigureAwait(false);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return; // the container disposes the executor once for each service that it is
        }

        _stop.Cancel();
        _stop.Dispose();
        _stopsLog.Dispose();
        _restores.Dispose();
    }

    private static int RowsOf(SagaLogEntry entry) => Math.Max(1, entry.Events.Count + (entry.NewState is null ? 0 : 1));

    /// <summary>
    /// Tries the same group until the store answers, since a write whose answer was lost may have taken effect, and writing it again
    /// is harmless.
    /// </summary>
    private Task<IReadOnlyList<bool>> WriteAsync(Membership member, IReadOnlyList<SagaLogEntry> entries) => TryUntilAnsweredAsync(async () =>
    {
        long sent = _time.GetTimestamp();
        IReadOnlyList<bool> written = await AppendAsync(member, entries).ConfigureAwait(false);
        _metrics.GroupWritten(entries, written, _time.GetElapsedTime(sent));
        return written;
    }, isAnswer: exception => exception is JoinLostException || IsForTheData(exception), _stopping);

    private static bool IsForTheData(Exception exception) => exception is DbException refused && refused.IsForTheData();

    [SuppressMessage("Design", "CA1031", Justification = "Whatever the store throws, it is away: its sagas wait until it is back.")]
    private async Task<T> TryUntilAnsweredAsync<T>(Func<Task<T>> write, Predicate<Exception> isAnswer, CancellationToken cancellationToken)
    {
        TimeSpan delay = _options.FirstWriteRetryDelay;
        bool failed = false;
        while (true)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                _health.NoteCancelled(hadFailed: failed);
                throw new OperationCanceledException(cancellationToken);
            }

            try
            {
                T answer = await write().WaitAsync(cancellationToken).ConfigureAwait(false);
                _health.NoteWrite(hadFailed: failed);
                return answer;
            }
            catch (Exception answer) when (isAnswer(answer))
            {
                _health.NoteWrite(hadFailed: failed);
                throw;
            }
            catch (Exception e)
            {
                if (!cancellationToken.IsCancellationRequested)
                {
                    _health.NoteFailure(e, hadFailed: failed);
                    failed = true;
                }
            }

            await Task.Delay(delay, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            delay = TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, _options.LongestWriteRetryDelay.Ticks));
        }
    }

    private async Task<IReadOnlyList<bool>> AppendAsync(Membership member, IReadOnlyList<SagaLogEntry> entries)
    {
        try
        {
            IReadOnlyList<bool> written = await _log.AppendAsync(member, entries, _stopsLog.Token).ConfigureAwait(false);
            return written.Count == entries.Count
                ? written
                : throw new InvalidOperationException($"The saga log answered {written.Count} of {entries.Count} entries.");
        }
        catch (CoordinatorFencedException fenced)
        {
            _coordinator.ReportFenced(fenced);
            return new bool[entries.Count];
        }
    }
}

/// <summary>Says once that writes fail, and once that they work again, however many groups and tries are concerned. Thread-safe.</summary>
internal sealed class WriteHealth(TimeProvider time, ILogger logger)
{
    private readonly Lock _lock = new();
    private int _failingGroups;
    private long _since;

    public void NoteFailure(Exception exception, bool hadFailed)
    {
        lock (_lock)
        {
            if (hadFailed || _failingGroups++ != 0)
            {
                return;
            }

            _since = time.GetTimestamp();
        }

        Log.WritesFailing(logger, exception);
    }

    /// <summary>A group that nobody waits for any more says nothing of the others.</summary>
    public void NoteCancelled(bool hadFailed)
    {
        lock (_lock)
        {
            _failingGroups -= hadFailed ? 1 : 0;
        }
    }

    public void NoteWrite(bool hadFailed)
    {
        TimeSpan duration;
        lock (_lock)
        {
            if (!hadFailed || --_failingGroups != 0)
            {
                return;
            }

            duration = time.GetElapsedTime(_since);
        }

        Log.WritesRecovered(logger, duration);
    }
}
