using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Support;

/// <summary>Reports each page that is read, and passes every call on.</summary>
internal sealed class CountingRetention(ISagaRetention inner, Action onPage) : ISagaRetention
{
    public Task<IReadOnlyList<StoredDefinition>> ListDefinitionsAsync(CancellationToken cancellationToken) => inner.ListDefinitionsAsync(cancellationToken);

    public Task<EndedSagas> EstimateEndedAsync(CancellationToken cancellationToken) => inner.EstimateEndedAsync(cancellationToken);

    public Task<IAsyncDisposable?> TryBeginTurnAsync(CancellationToken cancellationToken) => inner.TryBeginTurnAsync(cancellationToken);

    public Task<RetentionPage> FindExpiredAsync(RetentionWalk walk, RetentionCursor? after, int limit, CancellationToken cancellationToken)
    {
        if (walk.State == SagaState.Succeeded)
        {
            onPage();
        }

        return inner.FindExpiredAsync(walk, after, limit, cancellationToken);
    }

    public Task<IReadOnlyList<ArchivedSaga>> ReadAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) => inner.ReadAsync(sagas, cancellationToken);

    public Task<IReadOnlyCollection<SagaId>> DeleteAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) => inner.DeleteAsync(sagas, cancellationToken);
}
