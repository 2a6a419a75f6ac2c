using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The last numbers of sagas, which serve all callers for some seconds: a page that is open on many desks costs one query. Thread-safe.</summary>
internal sealed class CountCache(ISagaOperations store, TimeProvider time)
{
    /// <summary>The time for which numbers are repeated.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private Task<SagaCounts>? _current;

    public async Task<SagaCounts> GetAsync(CancellationToken cancellationToken)
    {
        Task<SagaCounts> counting;
        lock (_lock)
        {
            // Not cancelled with a caller: others may wait for the same query, which the store bounds.
            counting = IsRecent(_current) ? _current! : _current = SagaCounts.ReadAsync(store, time, CancellationToken.None);
        }

        return await counting.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns true for numbers that are being read, or that were read a moment ago. A failure is not repeated.</summary>
    private bool IsRecent(Task<SagaCounts>? counting) =>
        counting is { IsCompleted: false } || (counting is { IsCompletedSuccessfully: true } && time.GetUtcNow() - counting.Result.At < Lifetime);
}
