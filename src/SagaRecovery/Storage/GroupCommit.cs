using System.Data.Common;

namespace SagaRecovery.Storage;

/// <summary>Groups concurrent writes into shared transactions. Thread-safe.</summary>
/// <remarks>A write that arrives alone starts at once. Writes that arrive while transactions are under way share the next one.</remarks>
/// <typeparam name="TKey">The key that writes must have in common to share a transaction.</typeparam>
/// <typeparam name="TItem">The item to write.</typeparam>
/// <typeparam name="TAnswer">The answer for one item.</typeparam>
/// <param name="write">Writes a group and returns one answer for each item, in order.</param>
/// <param name="weigh">Returns the weight of an item.</param>
/// <param name="maxGroup">The maximum weight of one transaction. A heavier item gets a transaction of its own.</param>
/// <param name="maxConcurrent">The maximum number of transactions under way at once.</param>
/// <param name="mayBeForOneItem">
/// Returns true for a failure of a group that one of its items may have caused. Null for the default: the database rejected its data.
/// </param>
internal sealed class GroupCommit<TKey, TItem, TAnswer>(
    Func<TKey, IReadOnlyList<TItem>, Task<IReadOnlyList<TAnswer>>> write,
    Func<TItem, int> weigh,
    int maxGroup,
    int maxConcurrent,
    Predicate<Exception>? mayBeForOneItem = null)
    where TKey : IEquatable<TKey>
{
    private readonly Predicate<Exception> _mayBeForOneItem = mayBeForOneItem ?? (static failure => failure is DbException rejected && rejected.IsForTheData());
    private readonly Lock _lock = new();
    private readonly Queue<PendingWrite<TKey, TItem, TAnswer>> _queue = new();
    private TaskCompletionSource? _idle;
    private int _underWay;

    /// <summary>The number of items that wait for their transaction to begin.</summary>
    public int Queued
    {
        get
        {
            lock (_lock)
            {
                return _queue.Count;
            }
        }
    }

    /// <summary>Writes one item and returns its answer.</summary>
    /// <param name="key">The key of the item.</param>
    /// <param name="item">The item to write.</param>
    /// <param name="cancellationToken">
    /// Cancels the wait. An item that is still queued is not written. An item that was sent may still take effect.
    /// </param>
    /// <exception cref="DbException">The database rejected the data of this item, failed the whole group, or did not answer.</exception>
    public async Task<TAnswer> WriteAsync(TKey key, TItem item, CancellationToken cancellationToken)
    {
        var pending = new PendingWrite<TKey, TItem, TAnswer>();
        using CancellationTokenRegistration cancelled = cancellationToken.UnsafeRegister(
            static (pending, token) => ((PendingWrite<TKey, TItem, TAnswer>)pending!).Cancel(token), pending);
        return await WriteAsync(pending, key, item).ConfigureAwait(false);
    }

    /// <summary>Writes one item and returns its answer, in an object that the caller uses again for its next item.</summary>
    /// <param name="pending">The object of the caller. Its last item must have been answered.</param>
    /// <param name="key">The key of the item.</param>
    /// <param name="item">The item to write.</param>
    /// <inheritdoc cref="WriteAsync(TKey, TItem, CancellationToken)" path="/exception" />
    public ValueTask<TAnswer> WriteAsync(PendingWrite<TKey, TItem, TAnswer> pending, TKey key, TItem item)
    {
        ValueTask<TAnswer> answer = pending.Begin(key, item);
        bool begin;
        lock (_lock)
        {
            _queue.Enqueue(pending);
            begin = _underWay < maxConcurrent;
            _underWay += begin ? 1 : 0;
        }

        if (begin)
        {
            // Without the execution context of the caller: the writes of other callers do not belong to its trace.
            ThreadPool.UnsafeQueueUserWorkItem(static self => _ = self.WriteGroupsAsync(), this, preferLocal: false);
        }

        return answer;
    }

    /// <summary>Returns a task that completes when no transaction is under way and the queue is empty.</summary>
    public Task WhenIdleAsync()
    {
        lock (_lock)
        {
            return _underWay == 0 ? Task.CompletedTask : (_idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    private async Task WriteGroupsAsync()
    {
        while (DequeueGroup() is { Count: > 0 } group)
        {
            await WriteAsync(group).ConfigureAwait(false);
        }
    }

    /// <returns>The next group; empty if the queue is empty, in which case the calling writer must end.</returns>
    private List<PendingWrite<TKey, TItem, TAnswer>> DequeueGroup()
    {
        List<PendingWrite<TKey, TItem, TAnswer>> group = [];
        int weight = 0;
        lock (_lock)
        {
            while (_queue.TryPeek(out PendingWrite<TKey, TItem, TAnswer>? next) && (group.Count == 0 || (group[0].Key.Equals(next.Key) && weight + weigh(next.Item) <= maxGroup)))
            {
                _queue.Dequeue();
                if (next.IsPending)
                {
                    group.Add(next);
                    weight += weigh(next.Item);
                }
            }

            if (group.Count == 0 && --_underWay == 0)
            {
                _idle?.SetResult();
                _idle = null;
            }
        }

        return group;
    }

    /// <summary>Writes a group. After a failure that one item may have caused, the group is halved until only that item fails.</summary>
    private async Task WriteAsync(List<PendingWrite<TKey, TItem, TAnswer>> group)
    {
        try
        {
            IReadOnlyList<TAnswer> answers = await write(group[0].Key, group.ConvertAll(static pending => pending.Item)).ConfigureAwait(false);
            for (int i = 0; i < group.Count; i++)
            {
                group[i].Answer(answers[i]);
            }
        }
        catch (Exception failure) when (group.Count > 1 && _mayBeForOneItem(failure))
        {
            int half = group.Count / 2;
            await WriteAsync(group[..half]).ConfigureAwait(false);
            await WriteAsync(group[half..]).ConfigureAwait(false);
        }
        catch (Exception exception) // each caller handles it
        {
            group.ForEach(pending => pending.Fail(exception));
        }
    }
}
