namespace SagaRecovery.Storage;

/// <summary>The queries for sagas of any owner and in any state. A store implements it so that any process can read and await results.</summary>
/// <remarks>
/// No join is needed. Implementations must read what is committed, not a copy that lags behind: a caller may ask for a saga that it has just
/// started. They must be thread-safe.
/// </remarks>
public interface ISagaReader
{
    /// <summary>Reads a saga with its log.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The saga; null if no saga has this id. The log is at least as new as the state.</returns>
    Task<SavedSaga?> ReadAsync(SagaId sagaId, CancellationToken cancellationToken);

    /// <summary>Finds the sagas that are in progress.</summary>
    /// <param name="sagaIds">The sagas to look for, each once.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The sagas that exist and are running or unwinding, in any order.</returns>
    Task<IReadOnlyCollection<SagaId>> FindUnfinishedAsync(IReadOnlyCollection<SagaId> sagaIds, CancellationToken cancellationToken);
}

/// <summary>The reader of a store that does not implement <see cref="ISagaReader"/>. Every call throws.</summary>
internal sealed class NoSagaReader : ISagaReader
{
    public Task<SavedSaga?> ReadAsync(SagaId sagaId, CancellationToken cancellationToken) => throw NotSupported();

    public Task<IReadOnlyCollection<SagaId>> FindUnfinishedAsync(IReadOnlyCollection<SagaId> sagaIds, CancellationToken cancellationToken) => throw NotSupported();

    private static NotSupportedException NotSupported() => new($"The store does not implement {nameof(ISagaReader)}, so only the process that runs a saga has its result.");
}
