namespace SagaRecovery.Storage;

/// <summary>The number of sagas with the same name, owner and state.</summary>
/// <param name="Name">The name of their definition.</param>
/// <param name="Owner">The coordinator that owns them; null if they are unowned.</param>
/// <param name="State">The state of the sagas.</param>
/// <param name="Count">The number of sagas.</param>
public sealed record SagaCount(string Name, CoordinatorId? Owner, SagaState State, long Count);

/// <summary>The number of sagas on a store, as far as it is known without reading them all.</summary>
/// <param name="All">The estimate of all sagas, including those in progress; null if the store has none.</param>
/// <param name="NotSucceeded">The sagas that ended without success, by state.</param>
public sealed record SagaEstimate(long? All, IReadOnlyList<EndedCount> NotSucceeded)
{
    /// <summary>The number up to which the sagas of a state are counted.</summary>
    public const int CountLimit = 10_000;

    /// <summary>The answer of a store that does not estimate.</summary>
    public static SagaEstimate Unknown { get; } = new(All: null, []);
}

/// <summary>The number of sagas that have ended in a state.</summary>
/// <param name="State">The state.</param>
/// <param name="Count">The number, at most <see cref="SagaEstimate.CountLimit"/>.</param>
/// <param name="OrMore">True if there may be more.</param>
public sealed record EndedCount(SagaState State, long Count, bool OrMore);

/// <summary>The numbers of sagas on a store, for operators.</summary>
/// <param name="Unfinished">The sagas in progress, by name, owner and state.</param>
/// <param name="Ended">The estimate of all sagas that have ended; null if the store has none.</param>
/// <param name="NotSucceeded">The sagas that ended without success, by state.</param>
/// <param name="At">The time of the count. A process repeats a recent count to its callers.</param>
public sealed record SagaCounts(IReadOnlyList<SagaCount> Unfinished, long? Ended, IReadOnlyList<EndedCount> NotSucceeded, DateTimeOffset At)
{
    /// <summary>Reads the numbers from a store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Cancels the queries.</param>
    internal static async Task<SagaCounts> ReadAsync(ISagaOperations store, TimeProvider time, CancellationToken cancellationToken)
    {
        IReadOnlyList<SagaCount> unfinished = await store.CountAsync(cancellationToken).ConfigureAwait(false);
        SagaEstimate estimate = await store.EstimateAsync(cancellationToken).ConfigureAwait(false);

        // At least those that were counted one by one: the statistics may be older.
        long? ended = estimate.All is { } all
            ? Math.Max(all - unfinished.Sum(one => one.Count), estimate.NotSucceeded.Sum(one => one.Count))
            : null;
        return new SagaCounts(unfinished, ended, estimate.NotSucceeded, time.GetUtcNow());
    }
}
