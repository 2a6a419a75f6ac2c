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
    private DateTimeOffset _expiry; // of the numbers that were read; set when they have been

    public async Task<SagaCounts> GetAsync(CancellationToken cancellationToken)
    {
        Task<SagaCounts> counting;
        lock (_lock)
        {
            // Not cancelled with a caller: others may wait for the same query, which the store bounds.
            bool serves = _counting is { IsCompleted: false } || (_counting is { IsCompletedSuccessfully: true } && time.Now < _expiry);
            counting = serves ? _counting! : _counting = CountAsync();
        }

        return await counting.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<SagaCounts> CountAsync()
    {
        SagaCounts counts = await SagaCounts.ReadAsync(store, time, CancellationToken.None).ConfigureAwait(false);
        lock (_lock)
        {
            _expiry = counts.At + Lifetime;
        }

        return counts;
    }
}
