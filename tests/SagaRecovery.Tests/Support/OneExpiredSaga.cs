using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Support;

/// <summary>The retention of a store with one saga that has expired, which every run finds and deletes again.</summary>
internal sealed class OneExpiredSaga : ISagaRetention
{
    private static readonly SagaId s_saga = new(Guid.NewGuid());

    /// <summary>The number of runs that have begun.</summary>
    public int Runs { get; private set; }

    /// <summary>The number of turns that are not over.</summary>
    public int Turns { get; private set; }

    /// <summary>Runs before the number of ended sagas is estimated, and may fail.</summary>
    public Func<Task> BeforeEstimate { get; init; } = () => Task.CompletedTask;

    public Task<IReadOnlyList<StoredDefinition>> ListDefinitionsAsync(CancellationToken cancellationToken)
    {
        Runs++;
        return Task.FromResult<IReadOnlyList<StoredDefinition>>([new StoredDefinition(SagaDatabase.Definition.Hash, SagaDatabase.Definition.Name, SagaDatabase.Definition.Version)]);
    }

    public async Task<EndedSagas> EstimateEndedAsync(CancellationToken cancellationToken)
    {
        await BeforeEstimate();
        return new EndedSagas(1, Oldest: null);
    }

    public Task<IAsyncDisposable?> TryBeginTurnAsync(CancellationToken cancellationToken)
    {
        Turns++;
        return Task.FromResult<IAsyncDisposable?>(new Turn(this));
    }

    public Task<RetentionPage> FindExpiredAsync(RetentionWalk walk, RetentionCursor? after, int limit, CancellationToken cancellationToken) =>
        Task.FromResult(new RetentionPage([new ExpiredSaga(s_saga, walk.State, walk.Rules[0], DateTimeOffset.UnixEpoch, 0, 0, "stamp")], Next: null));

    public Task<IReadOnlyList<ArchivedSaga>> ReadAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<ArchivedSaga>>(
    [
        new ArchivedSaga
        {
            Id = s_saga,
            State = SagaState.Succeeded,
            Definition = SagaDatabase.Definition,
            Parameters = "{}"u8.ToArray(),
            Creator = default,
            Generation = default,
            TimeCreated = default,
            TimeAdopted = default,
            TimeEnded = default,
            Events = [],
        },
    ]);

    public Task<IReadOnlyCollection<SagaId>> DeleteAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyCollection<SagaId>>([.. sagas.Select(saga => saga.Id)]);

    private sealed class Turn(OneExpiredSaga store) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            store.Turns--;
            return ValueTask.CompletedTask;
        }
    }
}
