using SagaRecovery.Storage;

namespace SagaRecovery.Retention;

/// <summary>
/// Deletes expired sagas: walks them from the oldest to the newest, exports each batch if there is an archive, and deletes what the archive has
/// confirmed and has not changed since it was found.
/// </summary>
internal sealed class SagaPurge(ISagaRetention store, ISagaArchive? archive, PurgeTurns turns, TimeProvider time)
{
    /// <summary>The limit for the log entries of a batch. A saga with more is a batch of its own.</summary>
    private const int MaxEvents = 20_000;

    /// <summary>The limit for the stored size of a batch. Compressed columns are several times larger in memory.</summary>
    private const long MaxBytes = 8 * 1024 * 1024;

    /// <summary>The time after which no further page begins; null for no limit. One page is visited in any case, so that a repeat makes progress.</summary>
    public TimeSpan? Budget { get; init; }

    /// <summary>Deletes the expired sagas of all walks.</summary>
    /// <param name="walks">The walks, in the order of their plan.</param>
    /// <param name="from">The position at which an earlier purge stopped; null for the beginning.</param>
    /// <param name="tally">Counts what is done, also if a batch fails.</param>
    /// <param name="cancellationToken">Ends the purge after the statements that were sent.</param>
    public Task<PurgeStop> RunAsync(IReadOnlyList<RetentionWalk> walks, PurgePosition? from, PurgeTally tally, CancellationToken cancellationToken) => WalkAsync(
        walks,
        from,
        async (walk, after) =>
        {
            RetentionCursor? next = null;
            bool isMine = await turns.TryRunAsync(
                async () =>
                {
                    RetentionPage page = await store.FindExpiredAsync(walk, after, turns.BatchSize, cancellationToken).ConfigureAwait(false);
                    foreach (IReadOnlyList<ExpiredSaga> batch in Split(page.Expired))
                    {
                        await DeleteAsync(batch, tally, cancellationToken).ConfigureAwait(false);
                    }

                    next = page.Next;
                    return page.Expired.Count > 0;
                },
                cancellationToken).ConfigureAwait(false);
            return (isMine, next);
        });

    /// <summary>Counts the expired sagas of all walks for an operator, and deletes nothing.</summary>
    /// <param name="walks">The walks, in the order of their plan.</param>
    /// <param name="from">The position at which an earlier count stopped; null for the beginning.</param>
    /// <param name="count">Counts a saga.</param>
    /// <param name="cancellationToken">Cancels the count.</param>
    public Task<PurgeStop> CountAsync(IReadOnlyList<RetentionWalk> walks, PurgePosition? from, Action<ExpiredSaga> count, CancellationToken cancellationToken) => WalkAsync(
        walks,
        from,
        async (walk, after) =>
        {
            RetentionPage page = await store.PreviewExpiredAsync(walk, after, turns.BatchSize, cancellationToken).ConfigureAwait(false);
            foreach (ExpiredSaga saga in page.Expired)
            {
                count(saga);
            }

            return (true, page.Next);
        });

    /// <summary>Visits page after page. What is kept is visited once.</summary>
    private async Task<PurgeStop> WalkAsync(
        IReadOnlyList<RetentionWalk> walks, PurgePosition? from, Func<RetentionWalk, RetentionCursor?, Task<(bool IsMine, RetentionCursor? Next)>> visit)
    {
        long start = time.GetTimestamp();
        bool isFirst = true;
        foreach (RetentionWalk walk in walks.SkipWhile(walk => from?.CompareTo(walk) > 0))
        {
            RetentionCursor? after = from?.CompareTo(walk) == 0 ? from.After : null;
            do
            {
                if (!isFirst && time.GetElapsedTime(start) >= Budget)
                {
                    return new PurgeStop(PurgeEnd.TimeUp, PurgePosition.Of(walk, after));
                }

                isFirst = false;
                (bool isMine, RetentionCursor? next) = await visit(walk, after).ConfigureAwait(false);
                if (!isMine)
                {
                    return new PurgeStop(PurgeEnd.Elsewhere, PurgePosition.Of(walk, after));
                }

                after = next;
            }
            while (after is not null);
        }

        return new PurgeStop(PurgeEnd.Complete, Next: null);
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
