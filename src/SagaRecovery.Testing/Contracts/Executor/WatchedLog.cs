using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>A write that the log accepted or refused.</summary>
internal sealed record WatchedWrite(Membership Member, SagaLogEntry Entry, bool Accepted);

/// <summary>The log of the executor under test. Records writes and can delay the result of a final write. Thread-safe.</summary>
internal sealed class WatchedLog(InMemorySagaStore store) : ISagaLog
{
    private readonly Lock _lock = new();
    private readonly List<WatchedWrite> _writes = [];
    private readonly List<(Func<WatchedWrite, bool> Predicate, TaskCompletionSource Seen)> _waiters = [];
    private readonly TaskCompletionSource _resultsReleased = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>True if a write that ends a saga returns only after <see cref="ReleaseResults"/>.</summary>
    public bool HoldsFinalResults { get; set; }

    public void ReleaseResults() => _resultsReleased.TrySetResult();

    public IReadOnlyList<WatchedWrite> WritesAbout(SagaId sagaId)
    {
        lock (_lock)
        {
            return [.. _writes.Where(write => write.Entry.SagaId == sagaId)];
        }
    }

    /// <summary>Waits until a write matches the predicate. Earlier writes count.</summary>
    public Task WaitForAsync(Func<WatchedWrite, bool> predicate)
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_writes.Exists(write => predicate(write)))
            {
                return Task.CompletedTask;
            }

            _waiters.Add((predicate, seen));
        }

        return seen.Task;
    }

    public Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken) =>
        store.CreateAsync(member, saga, cancellationToken);

    public Task<RestoreOutcome> RestoreAsync(Membership member, SagaLogEntry everything, CancellationToken cancellationToken) =>
        store.RestoreAsync(member, everything, cancellationToken);

    public async Task<IReadOnlyList<bool>> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken)
    {
        IReadOnlyList<bool> accepted = await store.AppendAsync(member, entries, cancellationToken).ConfigureAwait(false);
        Record([.. entries.Select((entry, i) => new WatchedWrite(member, entry, accepted[i]))]);
        if (HoldsFinalResults && entries.Any(EndsSaga))
        {
            await _resultsReleased.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        return accepted;
    }

    public static bool EndsSaga(SagaLogEntry entry) => entry.NewState is SagaState.Succeeded or SagaState.Unwound or SagaState.Stuck;

    private void Record(WatchedWrite[] writes)
    {
        lock (_lock)
        {
            _writes.AddRange(writes);
            foreach ((Func<WatchedWrite, bool> predicate, TaskCompletionSource seen) in _waiters)
            {
                if (Array.Exists(writes, write => predicate(write)))
                {
                    seen.TrySetResult();
                }
            }
        }
    }
}
