using SagaRecovery.Storage;

namespace SagaRecovery.Retention;

/// <summary>The pace of a purge.</summary>
/// <param name="BatchSize">The maximum number of sagas that one transaction visits and deletes.</param>
/// <param name="Pause">The pause between two batches.</param>
internal sealed record PurgePace(int BatchSize, TimeSpan Pause);

/// <summary>
/// Deletes expired sagas: walks them from the oldest to the newest, exports each batch if there is an archive, and deletes what the archive has
/// confirmed and has not changed since it was found.
/// </summary>
internal sealed class SagaPurge(ISagaRetention store, ISagaArchive? archive, PurgePace pace, TimeProvider time)
{
    /// <summary>The limit for the log entries of a batch. A saga with more is a batch of its own.</summary>
    private const int MaxEvents = 20_000;

    /// <summary>The limit for the stored size of a batch. Compressed columns are several times larger in memory.</summary>
    private const long MaxBytes = 8 * 1024 * 1024;

    /// <summary>The ratio of a pause to the batch before it: at most a quarter of the time is spent on the server.</summary>
    private const int PausePerBatch = 3;

    /// <summary>The number of times to ask for the turn before another process counts as having it.</summary>
    public int TurnAttempts { get; init; } = 1;

    /// <summary>The time after which no further batch begins; null for no limit.</summary>
    public TimeSpan? Budget { get; init; }

    /// <summary>Deletes the expired sagas of all walks.</summary>
    /// <param name="walks">The walks.</param>
    /// <param name="tally">Counts what is done, also if a batch fails.</param>
    /// <param name="cancellationToken">Ends the purge after the statements that were sent.</param>
    public async Task<PurgeEnd> RunAsync(IReadOnlyList<RetentionWalk> walks, PurgeTally tally, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        foreach (RetentionWalk walk in walks)
        {
            RetentionCursor? after = null; // what is kept is visited once in a run
            do
            {
                if (time.GetElapsedTime(start) >= Budget)
                {
                    return PurgeEnd.TimeUp;
                }

                long began = time.GetTimestamp();
                IAsyncDisposable? turn = await TryBeginTurnAsync(cancellationToken).ConfigureAwait(false);
                if (turn is null)
                {
                    return PurgeEnd.Elsewhere;
                }

                int expired;
                await using (turn.ConfigureAwait(false))
                {
                    RetentionPage page = await store.FindExpiredAsync(walk, after, pace.BatchSize, cancellationToken).ConfigureAwait(false);
                    foreach (IReadOnlyList<ExpiredSaga> batch in Split(page.Expired))
                    {
                        await DeleteAsync(batch, tally, cancellationToken).ConfigureAwait(false);
                    }

                    (after, expired) = (page.Next, page.Expired.Count);
                }

                if (expired > 0)
                {
                    TimeSpan pause = PausePerBatch * time.GetElapsedTime(began);
                    await Task.Delay(pause > pace.Pause ? pause : pace.Pause, time, cancellationToken).ConfigureAwait(false);
                }
            }
            while (after is not null);
        }

        return PurgeEnd.Complete;
    }

    /// <summary>Counts the expired sagas of all walks, and deletes nothing.</summary>
    public async Task CountAsync(IReadOnlyList<RetentionWalk> walks, Action<ExpiredSaga> count, CancellationToken cancellationToken)
    {
        foreach (RetentionWalk walk in walks)
        {
            RetentionCursor? after = null;
            do
            {
                RetentionPage page = await store.FindExpiredAsync(walk, after, pace.BatchSize, cancellationToken).ConfigureAwait(false);
                foreach (ExpiredSaga saga in page.Expired)
                {
                    count(saga);
                }

                after = page.Next;
            }
            while (after is not null);
        }
    }

    private async Task<IAsyncDisposable?> TryBeginTurnAsync(CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            IAsyncDisposable? turn = await store.TryBeginTurnAsync(cancellationToken).ConfigureAwait(false);
            if (turn is not null || attempt >= TurnAttempts)
            {
                return turn;
            }

            await Task.Delay(pace.Pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task DeleteAsync(IReadOnlyList<ExpiredSaga> batch, PurgeTally tally, CancellationToken cancellationToken)
    {
        IReadOnlyList<ExpiredSaga> exported = batch;
        tally.Found += batch.Count;
        if (archive is not null)
        {
            // Only what the archive has confirmed is deleted. A crash in between leads to a second export, never to a loss.
            IReadOnlyList<ArchivedSaga> sagas = await store.ReadAsync(batch, cancellationToken).ConfigureAwait(false);
            if (sagas.Count > 0)
            {
                await archive.WriteAsync(sagas, cancellationToken).ConfigureAwait(false);
                tally.Archived += sagas.Count;
            }

            HashSet<SagaId> confirmed = [.. sagas.Select(saga => saga.Id)];
            exported = [.. batch.Where(saga => confirmed.Contains(saga.Id))];
        }

        if (exported.Count > 0)
        {
            IReadOnlyCollection<SagaId> deleted = await store.DeleteAsync(exported, cancellationToken).ConfigureAwait(false);
            tally.Deleted += deleted.Count;
        }
    }

    private static IEnumerable<IReadOnlyList<ExpiredSaga>> Split(IReadOnlyList<ExpiredSaga> page)
    {
        List<ExpiredSaga> batch = [];
        (int events, long bytes) = (0, 0);
        foreach (ExpiredSaga saga in page)
        {
            if (batch.Count > 0 && (events + saga.Events > MaxEvents || bytes + saga.Bytes > MaxBytes))
            {
                yield return batch;
                batch = [];
                (events, bytes) = (0, 0);
            }

            batch.Add(saga);
            events += saga.Events;
            bytes += saga.Bytes;
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }
}

/// <summary>The way in which a purge ended.</summary>
internal enum PurgeEnd
{
    /// <summary>Everything that had expired was visited.</summary>
    Complete,

    /// <summary>Another process has the turn, so this one stopped.</summary>
    Elsewhere,

    /// <summary>The budget was used up.</summary>
    TimeUp,
}

/// <summary>The counts of a purge. Not thread-safe.</summary>
internal sealed class PurgeTally
{
    /// <summary>The expired sagas that were found.</summary>
    public long Found { get; set; }

    /// <summary>The sagas that the archive has confirmed.</summary>
    public long Archived { get; set; }

    public long Deleted { get; set; }

    public long Definitions { get; set; }

    public long Actions { get; set; }

    public long Coordinators { get; set; }
}
