using System.Threading.Tasks.Sources;

namespace SagaRecovery.Storage;

/// <summary>
/// One item that waits for its write and its answer. The writer of a saga log uses the same object for all its items, one after the other, so that a write
/// allocates no task.
/// </summary>
/// <typeparam name="TKey">The key that writes must have in common to share a transaction.</typeparam>
/// <typeparam name="TItem">The item to write.</typeparam>
/// <typeparam name="TAnswer">The answer for one item.</typeparam>
/// <remarks><see cref="Begin"/> and the wait for the answer are the caller's, one at a time. The other members are thread-safe.</remarks>
internal sealed class PendingWrite<TKey, TItem, TAnswer> : IValueTaskSource<TAnswer>
{
    private ManualResetValueTaskSourceCore<TAnswer> _core = new() { RunContinuationsAsynchronously = true };
    private TKey _key = default!;
    private TItem _item = default!;
    private OperationCanceledException? _cancelled; // for good
    private int _pending; // 1 from the beginning to the answer

    /// <summary>The key of the item.</summary>
    public TKey Key => _key;

    /// <summary>The item to write.</summary>
    public TItem Item => _item;

    /// <summary>True until the item is answered, or its wait cancelled.</summary>
    public bool IsPending => Volatile.Read(ref _pending) == 1;

    /// <summary>Begins to wait for an answer.</summary>
    /// <exception cref="OperationCanceledException">The object was cancelled.</exception>
    public ValueTask<TAnswer> Begin(TKey key, TItem item)
    {
        if (Volatile.Read(ref _cancelled) is { } before)
        {
            throw before; // and the item of the cancelled wait stays as it is: it may still be in a group
        }

        _core.Reset();
        (_key, _item) = (key, item);
        var answer = new ValueTask<TAnswer>(this, _core.Version);
        Interlocked.Exchange(ref _pending, 1);
        if (Volatile.Read(ref _cancelled) is { } cancelled)
        {
            Fail(cancelled);
        }

        return answer;
    }

    /// <summary>Answers the item, unless its wait was cancelled.</summary>
    public void Answer(TAnswer answer)
    {
        if (Interlocked.Exchange(ref _pending, 0) == 1)
        {
            _core.SetResult(answer);
        }
    }

    /// <summary>Answers the item with an exception, unless its wait was cancelled.</summary>
    public void Fail(Exception failure)
    {
        if (Interlocked.Exchange(ref _pending, 0) == 1)
        {
            _core.SetException(failure);
        }
    }

    /// <summary>Cancels the present wait, and all later ones.</summary>
    public void Cancel(CancellationToken token)
    {
        var cancelled = new OperationCanceledException(token);
        Volatile.Write(ref _cancelled, cancelled);
        Interlocked.MemoryBarrier(); // either this sees the wait that begins, or the beginning sees the cancellation
        Fail(cancelled);
    }

    /// <inheritdoc />
    ValueTaskSourceStatus IValueTaskSource<TAnswer>.GetStatus(short token) => _core.GetStatus(token);

    /// <inheritdoc />
    void IValueTaskSource<TAnswer>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <inheritdoc />
    TAnswer IValueTaskSource<TAnswer>.GetResult(short token) => _core.GetResult(token);
}
