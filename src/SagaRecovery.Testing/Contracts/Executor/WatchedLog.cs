using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>A write as the log took it or refused it.</summary>
internal sealed record WatchedWrite(Membership Member, SagaLogEntry Entry, bool Taken);

/// <summary>The log that the executor on trial is given: notes what it writes, and can hold up the answer to a last write. Thread-safe.</summary>
internal sealed class WatchedLog(InMemorySagaStore store) : ISagaLog
{
    private readonly Lock _lock = new();
    private readonly List<WatchedWrite> _writes = [];
    private readonly List<(Func<WatchedWrite, bool> Wanted, TaskCompletionSource Seen)> _awaited = [];
    private readonly TaskCompletionSource _answersAreHeld = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether the answer to a write that ends a saga waits for <see cref="LetAnswersGo"/>.</summary>
    public bool HoldsLastAnswers { get; set; }

    public void LetAnswersGo() => _answersAreHeld.TrySetResult();

    public IReadOnlyList<WatchedWrite> WritesAbout(SagaId sagaId)
    {
        lock (_lock)
        {
            return [.. _writes.Where(write => write.Entry.SagaId == sagaId)];
        }
    }

    /// <summary>Completes when there has been such a write.</summary>
    public Task SeenAsync(Func<WatchedWrite, bool> wanted)
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_writes.Exists(write => wanted(write)))
            {
                return Task.CompletedTask;
            }

            _awaited.Add((wanted, seen));
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
        IReadOnlyList<bool> taken = await store.AppendAsync(member, entries, cancellationToken).ConfigureAwait(false);
        Note([.. entries.Select((entry, i) => new WatchedWrite(member, entry, taken[i]))]);
        if (HoldsLastAnswers && entries.Any(IsLast))
        {
            await _answersAreHeld.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        return taken;
    }

    public static bool IsLast(SagaLogEntry entry) => entry.NewState is SagaState.Succeeded or SagaState.Unwound or SagaState.Stuck;

    private void Note(WatchedWrite[] writes)
    {
        lock (_lock)
        {
            _writes.AddRange(writes);
            foreach ((Func<WatchedWrite, bool> wanted, TaskCompletionSource seen) in _awaited)
            {
                if (Array.Exists(writes, write => wanted(write)))
                {
                    seen.TrySetResult();
                }
            }
        }
    }
}
