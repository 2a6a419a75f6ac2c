using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Support;

/// <summary>A store's retention, with steps of the test's own.</summary>
internal sealed class ScriptedRetention(ISagaRetention store) : ISagaRetention
{
    /// <summary>Runs before a page of succeeded sagas is read.</summary>
    public Action BeforePage { get; init; } = () => { };

    /// <summary>Runs before a turn is asked for.</summary>
    public Action BeforeTurn { get; init; } = () => { };

    /// <summary>Selects what an export finds.</summary>
    public Func<IReadOnlyList<ArchivedSaga>, IReadOnlyList<ArchivedSaga>> AfterRead { get; init; } = sagas => sagas;

    public Task<IReadOnlyList<StoredDefinition>> ListDefinitionsAsync(CancellationToken cancellationToken) => store.ListDefinitionsAsync(cancellationToken);

    public Task<EndedSagas> EstimateEndedAsync(CancellationToken cancellationToken) => store.EstimateEndedAsync(cancellationToken);

    public Task<IAsyncDisposable?> TryBeginTurnAsync(CancellationToken cancellationToken)
    {
        BeforeTurn();
        return store.TryBeginTurnAsync(cancellationToken);
    }

    public Task<RetentionPage> FindExpiredAsync(RetentionWalk walk, RetentionCursor? after, int limit, CancellationToken cancellationToken)
    {
        if (walk.State == SagaState.Succeeded)
        {
            BeforePage();
        }

        return store.FindExpiredAsync(walk, after, limit, cancellationToken);
    }

    public async Task<IReadOnlyList<ArchivedSaga>> ReadAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) =>
        AfterRead(await store.ReadAsync(sagas, cancellationToken));

    public Task<IReadOnlyCollection<SagaId>> DeleteAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) => store.DeleteAsync(sagas, cancellationToken);

    public Task<LeftoverBatch> DeleteActionsAsync(TimeSpan keep, string? after, CancellationToken cancellationToken) => store.DeleteActionsAsync(keep, after, cancellationToken);
}
