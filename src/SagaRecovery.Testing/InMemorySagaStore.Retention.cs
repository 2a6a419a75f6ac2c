using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <content>The deletion of ended sagas.</content>
public sealed partial class InMemorySagaStore
{
    private bool _hasTurn;

    /// <summary>The clock by which sagas end and expire.</summary>
    /// <value>The default is the clock of the system.</value>
#pragma warning disable RS0030 // the default of a test that has no clock of its own
    public TimeProvider Time { get; init; } = TimeProvider.System;
#pragma warning restore RS0030

    Task<IReadOnlyList<StoredDefinition>> ISagaRetention.ListDefinitionsAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return Task.FromResult<IReadOnlyList<StoredDefinition>>([.. StoredDefinitions().Select(one => new StoredDefinition(one.Hash, one.Name, one.Version))]);
        }
    }

    /// <inheritdoc />
    public Task<EndedSagas> EstimateEndedAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return Task.FromResult(new EndedSagas(
                _sagas.Values.LongCount(row => !row.IsInProgress), _sagas.Count == 0 ? null : _sagas.Values.Min(row => row.TimeCreated)));
        }
    }

    /// <inheritdoc />
    public Task<IAsyncDisposable?> TryBeginTurnAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            bool isFree = !_hasTurn;
            _hasTurn = true;
            return Task.FromResult<IAsyncDisposable?>(isFree ? new Turn(this) : null);
        }
    }

    /// <inheritdoc />
    public Task<RetentionPage> FindExpiredAsync(RetentionWalk walk, RetentionCursor? after, int limit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            (DateTimeOffset, Guid) from = after is null ? default : (after.TimeCreated, after.SagaId.Value);
            Row[] page =
            [
                .. _sagas.Values
                    .Where(row => row.State == walk.State && walk.Rules.Any(rule => rule.Definition == row.Definition.Hash))
                    .Where(row => after is null || (row.TimeCreated, row.Id.Value).CompareTo(from) > 0)
                    .OrderBy(row => (row.TimeCreated, row.Id.Value))
                    .Take(limit),
            ];
            ExpiredSaga[] expired = [.. page.Select(row => ToExpired(row, walk.Rules.First(rule => rule.Definition == row.Definition.Hash))).OfType<ExpiredSaga>()];
            return Task.FromResult(new RetentionPage(expired, page.Length < limit ? null : new RetentionCursor(page[^1].TimeCreated, page[^1].Id)));
        }
    }

    /// <inheritdoc />
    /// <remarks>This store has no times and writers of single events. Every event has the time of the end and the owner.</remarks>
    public Task<IReadOnlyList<ArchivedSaga>> ReadAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return Task.FromResult<IReadOnlyList<ArchivedSaga>>([.. sagas.Select(Unchanged).OfType<Row>().Select(ToArchived)]);
        }
    }

    /// <inheritdoc />
    public Task<IReadOnlyCollection<SagaId>> DeleteAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            SagaId[] deleted = [.. sagas.Where(saga => Unchanged(saga) is { } row && ToExpired(row, saga.Rule) is not null).Select(saga => saga.Id)];
            if (deleted.Length > 0)
            {
                TakeSnapshot();
            }

            foreach (SagaId id in deleted)
            {
                _sagas.Remove(id);
            }

            return Task.FromResult<IReadOnlyCollection<SagaId>>(deleted);
        }
    }

    /// <summary>Finds the row of a saga that is as it was found. Requires the lock.</summary>
    private Row? Unchanged(ExpiredSaga saga) =>
        _sagas.GetValueOrDefault(saga.Id) is { } row && row.State == saga.State && row.Stamp == saga.Stamp ? row : null;

    private ExpiredSaga? ToExpired(Row row, RetentionRule rule)
    {
        StoredSaga saga = row.ToStoredSaga();
        return row.TimeEnded is { } ended && ended < Time.GetUtcNow() - rule.Keep
            ? new ExpiredSaga(
                row.Id, row.State, rule, ended, saga.Events.Count, saga.Parameters.Length + saga.Events.Sum(one => (long)one.Data.Length), row.Stamp)
            : null;
    }

    private static ArchivedSaga ToArchived(Row row)
    {
        StoredSaga saga = row.ToStoredSaga();
        DateTimeOffset ended = row.TimeEnded ?? row.TimeCreated;
        CoordinatorId owner = saga.Owner ?? default;
        return new ArchivedSaga
        {
            Id = saga.Id,
            State = saga.State,
            Definition = saga.Definition,
            Parameters = saga.Parameters,
            Creator = owner,
            Owner = saga.Owner,
            Generation = saga.Generation,
            TimeCreated = row.TimeCreated,
            TimeAdopted = row.TimeCreated,
            TimeEnded = ended,
            Deadline = saga.Deadline,
            Cancellation = saga.Cancellation,
            Abandonment = saga.Abandonment is { } abandonment ? new AbandonmentDetails(ended, abandonment.Reason, abandonment.Comment) : null,
            Events = [.. saga.Events.Select(one => new ArchivedEvent(one.NodeId, one.Type, one.Data, ended, owner))],
        };
    }

    private sealed class Turn(InMemorySagaStore store) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            lock (store._lock)
            {
                store._hasTurn = false;
            }

            return ValueTask.CompletedTask;
        }
    }
}
