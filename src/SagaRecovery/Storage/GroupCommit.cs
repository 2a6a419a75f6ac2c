using System.Data.Common;

namespace SagaRecovery.Storage;

/// <summary>
/// Lets writes that come while others are under way share one transaction. A write that comes alone goes at once. Thread-safe.
/// </summary>
/// <typeparam name="TKey">What writes must have in common to share a transaction.</typeparam>
/// <typeparam name="TItem">What is written.</typeparam>
/// <typeparam name="TAnswer">What is answered for each.</typeparam>
/// <param name="write">Writes a group; answers for each of its items, in their order.</param>
/// <param name="weigh">How much of a transaction an item takes.</param>
/// <param name="maxGroup">How much one transaction may hold; an item that is more has one for itself.</param>
/// <param name="maxConcurrent">How many transactions may be under way at once.</param>
internal sealed class GroupCommit<TKey, TItem, TAnswer>(
    Func<TKey, IReadOnlyList<TItem>, Task<IReadOnlyList<TAnswer>>> write, Func<TItem, int> weigh, int maxGroup, int maxConcurrent)
    where TKey : IEquatable<TKey>
{
    private readonly Lock _lock = new();
    private readonly Queue<Waiting> _queue = new();
    private TaskCompletionSource? _idle;
    private int _underWay;

    /// <summary>How many items wait for their transaction to begin.</summary>
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

    /// <summary>Writes one item.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="item">The item.</param>
    /// <param name="cancellationToken">Gives up waiting. What is in the queue then is not written; what was sent may still take effect.</param>
    /// <exception cref="DbException">The database did not take the group, or did not answer; where it refused data, this item's.</exception>
    public Task<TAnswer> WriteAsync(TKey key, TItem item, CancellationToken cancellationToken)
    {
        var waiting = new Waiting(key, item, cancellationToken);
        bool begin;
        lock (_lock)
        {
            _queue.Enqueue(waiting);
            begin = _underWay < maxConcurrent;
            _underWay += begin ? 1 : 0;
        }

        if (begin)
        {
            // Without the caller's execution context: others' writes are not part of its trace.
            ThreadPool.UnsafeQueueUserWorkItem(static self => _ = self.WriteGroupsAsync(), this, preferLocal: false);
        }

        return waiting.Answer.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Completes when no transaction is under way and nothing is in the queue.</summary>
    public Task WhenIdleAsync()
    {
        lock (_lock)
        {
            return _underWay == 0 ? Task.CompletedTask : (_idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    private async Task WriteGroupsAsync()
    {
        while (Take() is { Count: > 0 } group)
        {
            await WriteAsync(group).ConfigureAwait(false);
        }
    }

    /// <returns>The next group; empty: there is none, and whoever asked is no longer needed.</returns>
    private List<Waiting> Take()
    {
        List<Waiting> group = [];
        int weight = 0;
        lock (_lock)
        {
            while (_queue.TryPeek(out Waiting? next) && (group.Count == 0 || (group[0].Key.Equals(next.Key) && weight + weigh(next.Item) <= maxGroup)))
            {
                _queue.Dequeue();
                if (!next.IsInterrupted)
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

    /// <summary>What the database refuses for its data is found by halves: it alone fails.</summary>
    private async Task WriteAsync(List<Waiting> group)
    {
        try
        {
            IReadOnlyList<TAnswer> answers = await write(group[0].Key, group.ConvertAll(waiting => waiting.Item)).ConfigureAwait(false);
            for (int i = 0; i < group.Count; i++)
            {
                group[i].Answer.SetResult(answers[i]);
            }
        }
        catch (DbException refused) when (group.Count > 1 && refused.IsForTheData())
        {
            int half = group.Count / 2;
            await WriteAsync(group[..half]).ConfigureAwait(false);
            await WriteAsync(group[half..]).ConfigureAwait(false);
        }
        catch (OperationCanceledException stopped)
        {
            group.ForEach(waiting => waiting.Answer.SetCanceled(stopped.CancellationToken));
        }
        catch (Exception exception) // each caller's to handle
        {
            group.ForEach(waiting => waiting.Answer.SetException(exception));
        }
    }

    private sealed record Waiting(TKey Key, TItem Item, CancellationToken CancellationToken)
    {
        public TaskCompletionSource<TAnswer> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsInterrupted => CancellationToken.IsCancellationRequested;
    }
}
