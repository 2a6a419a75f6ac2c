using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Tests.Contracts;

/// <summary>The retention of the store in memory with one fault.</summary>
internal sealed class FaultyRetention(ISagaRetention inner, Fault fault) : ISagaRetention
{
    public Task<IReadOnlyList<StoredDefinition>> ListDefinitionsAsync(CancellationToken cancellationToken) => inner.ListDefinitionsAsync(cancellationToken);

    public Task<EndedSagas> EstimateEndedAsync(CancellationToken cancellationToken) => inner.EstimateEndedAsync(cancellationToken);

    public async Task<IAsyncDisposable?> TryBeginTurnAsync(CancellationToken cancellationToken)
    {
        IAsyncDisposable? turn = await inner.TryBeginTurnAsync(cancellationToken);
        if (fault == Fault.SharesTurn && turn is not null)
        {
            await turn.DisposeAsync();
        }

        return turn;
    }

    public async Task<RetentionPage> FindExpiredAsync(RetentionWalk walk, RetentionCursor? after, int limit, CancellationToken cancellationToken)
    {
        RetentionWalk followed = fault == Fault.ExpiresAtOnce
            ? walk with { Rules = [.. walk.Rules.Select(rule => rule with { Keep = TimeSpan.FromHours(-1) })] }
            : walk;
        RetentionPage page = await inner.FindExpiredAsync(followed, after, limit, cancellationToken);
        return fault == Fault.StopsAfterPage ? page with { Next = null } : page;
    }

    public async Task<IReadOnlyList<ArchivedSaga>> ReadAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken)
    {
        IReadOnlyList<ArchivedSaga> read = await inner.ReadAsync(
            fault == Fault.ArchivesChanged ? await RefreshAsync(sagas, cancellationToken) : sagas, cancellationToken);
        return fault == Fault.ArchivesWithoutLog ? [.. read.Select(saga => saga with { Events = [] })] : read;
    }

    public async Task<IReadOnlyCollection<SagaId>> DeleteAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) => fault switch
    {
        Fault.DeletesNothing => [.. sagas.Select(saga => saga.Id)],
        Fault.DeletesChanged => await inner.DeleteAsync(await RefreshAsync(sagas, cancellationToken), cancellationToken),
        Fault.DeletesYoung => await inner.DeleteAsync(
            [.. sagas.Select(saga => saga with { Rule = saga.Rule with { Keep = TimeSpan.FromHours(-1) } })], cancellationToken),
        _ => await inner.DeleteAsync(sagas, cancellationToken),
    };

    /// <summary>Finds sagas again, with their present stamps and the times for which they are kept.</summary>
    private async Task<IReadOnlyList<ExpiredSaga>> RefreshAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken)
    {
        RetentionPage page = await inner.FindExpiredAsync(new RetentionWalk(sagas[0].State, [sagas[0].Rule]), after: null, 1_000, cancellationToken);
        return [.. page.Expired.Where(present => sagas.Any(saga => saga.Id == present.Id))];
    }
}
