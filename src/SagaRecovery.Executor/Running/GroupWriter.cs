using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using SagaRecovery.Coordinators;
using SagaRecovery.Executor.Diagnostics;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// Writes the entries of all runs to the saga log, as many to a transaction as have queued meanwhile. Several writes may be under way
/// at once; entries of one saga keep their order because a run hands in its next entry only when it has the answer to the last.
/// Thread-safe.
/// </summary>
internal sealed class GroupWriter : IDisposable
{
    private readonly Channel<QueuedEntry> _queue = Channel.CreateUnbounded<QueuedEntry>();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _taking = new();
    private readonly ISagaLog _log;
    private readonly SagaCoordinator _coordinator;
    private readonly TimeProvider _time;
    private readonly DurableExecutorOptions _options;
    private readonly ExecutorMetrics _metrics;
    private readonly WriteHealth _health;
    private readonly Task _loops;
    private bool _disposed;

    public GroupWriter(
        ISagaLog log, SagaCoordinator coordinator, TimeProvider time, DurableExecutorOptions options, ExecutorMetrics metrics, ILogger logger)
    {
        _log = log;
        _coordinator = coordinator;
        _time = time;
        _options = options;
        _metrics = metrics;
        _health = new WriteHealth(time, logger);
        _loops = Task.WhenAll(Enumerable.Range(0, options.MaxConcurrentWrites).Select(_ => Task.Run(WriteGroupsAsync)));
    }

    /// <summary>Writes an entry.</summary>
    /// <returns>
    /// Whether it was written; false: the saga is not ours any more. Cancelled when the writer is stopped; then it is not known whether
    /// it was written.
    /// </returns>
    public Task<bool> AppendAsync(Membership member, SagaLogEntry entry)
    {
        var queued = new QueuedEntry(member, entry, new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously));
        if (!_queue.Writer.TryWrite(queued))
        {
            queued.Answer.SetCanceled(CancellationToken.None);
        }

        return queued.Answer.Task;
    }

    /// <summary>Stops. Entries that have not been answered are given up.</summary>
    public async Task StopAsync()
    {
        _queue.Writer.TryComplete();
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loops.ConfigureAwait(false);
        while (_queue.Reader.TryRead(out QueuedEntry queued))
        {
            queued.Answer.SetCanceled(CancellationToken.None);
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return; // the container disposes the executor once for each service that it is
        }

        _queue.Writer.TryComplete();
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private async Task WriteGroupsAsync()
    {
        CancellationToken stopping = _stopping.Token;
        try
        {
            while (await _queue.Reader.WaitToReadAsync(stopping).ConfigureAwait(false))
            {
                List<QueuedEntry> group = TakeGroup();
                if (group.Count != 0)
                {
                    await WriteAsync(group, stopping).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // StopAsync releases whoever still waits in the queue
        }
    }

    private List<QueuedEntry> TakeGroup()
    {
        List<QueuedEntry> group = [];
        int rows = 0;
        lock (_taking) // or another loop could take what this one has looked at
        {
            while (_queue.Reader.TryPeek(out QueuedEntry next)
                && (group.Count == 0 || (rows + next.Rows <= _options.MaxWriteGroup && next.Member == group[0].Member))
                && _queue.Reader.TryRead(out next))
            {
                group.Add(next);
                rows += next.Rows;
            }
        }

        return group;
    }

    /// <summary>
    /// Tries the same group until the store answers, since a write whose answer was lost may have taken effect, and writing it again
    /// is harmless.
    /// </summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever the store throws, it is away: its sagas wait until it is back.")]
    private async Task WriteAsync(List<QueuedEntry> group, CancellationToken stopping)
    {
        SagaLogEntry[] entries = [.. group.Select(queued => queued.Entry)];
        TimeSpan delay = _options.FirstWriteRetryDelay;
        bool failed = false;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                long sent = _time.GetTimestamp();
                IReadOnlyList<bool> written = await AppendAsync(group[0].Member, entries, stopping).ConfigureAwait(false);
                _metrics.GroupWritten(entries, written, _time.GetElapsedTime(sent));
                _health.NoteWrite(hadFailed: failed);
                Answer(group, written);
                return;
            }
            catch (DbException refused) when (refused.IsForTheData())
            {
                _health.NoteWrite(hadFailed: failed);
                await WriteApartAsync(group, refused, stopping).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (!stopping.IsCancellationRequested)
            {
                _health.NoteFailure(e, hadFailed: failed);
                failed = true;
            }
            catch (Exception) // stopping
            {
                break;
            }

            await Task.Delay(delay, _time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            delay = TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, _options.LongestWriteRetryDelay.Ticks));
        }

        group.ForEach(queued => queued.Answer.SetCanceled(stopping));
    }

    private async Task<IReadOnlyList<bool>> AppendAsync(Membership member, SagaLogEntry[] entries, CancellationToken stopping)
    {
        try
        {
            IReadOnlyList<bool> written = await _log.AppendAsync(member, entries, stopping).ConfigureAwait(false);
            return written.Count == entries.Length
                ? written
                : throw new InvalidOperationException($"The saga log answered {written.Count} of {entries.Length} entries.");
        }
        catch (CoordinatorFencedException fenced)
        {
            _coordinator.ReportFenced(fenced);
            return new bool[entries.Length];
        }
    }

    /// <summary>
    /// Finds the entry that the database cannot take, by halves: it alone fails, and the others do not wait for it.
    /// </summary>
    private async Task WriteApartAsync(List<QueuedEntry> group, DbException refused, CancellationToken stopping)
    {
        if (group.Count == 1)
        {
            group[0].Answer.SetException(refused);
            return;
        }

        int half = group.Count / 2;
        await WriteAsync(group[..half], stopping).ConfigureAwait(false);
        await WriteAsync(group[half..], stopping).ConfigureAwait(false);
    }

    private static void Answer(List<QueuedEntry> group, IReadOnlyList<bool> written)
    {
        for (int i = 0; i < group.Count; i++)
        {
            group[i].Answer.SetResult(written[i]);
        }
    }

    private readonly record struct QueuedEntry(Membership Member, SagaLogEntry Entry, TaskCompletionSource<bool> Answer)
    {
        public int Rows => Math.Max(1, Entry.Events.Count + (Entry.NewState is null ? 0 : 1));
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
