using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Operations;

/// <summary>The last numbers of sagas, which serve all callers for some seconds: a page that is open on many desks costs one query. Thread-safe.</summary>
internal sealed class CountCache(ISagaOperations store, SteadyTimeProvider time)
{
    /// <summary>The time for which numbers are repeated.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private Task<SagaCounts>? _counting;
    private DateTimeOffset _expiry; // of the last answer; set when it is there

    public async Task<SagaCounts> GetAsync(CancellationToken cancellationToken)
    {
        Task<SagaCounts> counting;
        lock (_lock)
        {
            // Not cancelled with a caller: others may wait for the same query, which the store bounds.
            bool mayRepeat = _counting is { IsCompletedSuccessfully: true } or { Exception.InnerException: SearchTimeoutException };
            bool serves = _counting is { IsCompleted: false } || (mayRepeat && time.Now < _expiry);
            counting = serves ? _counting! : _counting = CountAsync();
        }

        return await counting.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <remarks>A count that took too long is repeated as well: a page that asks again and again must not keep the database counting.</remarks>
    private async Task<SagaCounts> CountAsync()
    {
        try
        {
            return await SagaCounts.ReadAsync(store, time, CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
            {
                _expiry = time.Now + Lifetime;
            }
        }
    }
}
