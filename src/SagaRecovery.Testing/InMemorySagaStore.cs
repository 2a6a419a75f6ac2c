using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;

namespace SagaRecovery.Testing;

/// <summary>
/// Sagas in memory, with the semantics of the real store: incarnations, adopt generations, fenced writes, harmless duplicates. For
/// tests: nothing outlives the object, which therefore stands for the database, while the executors that use it come and crash.
/// Thread-safe; every call is one transaction.
/// </summary>
public sealed partial class InMemorySagaStore : ISagaStore, ISagaLog
{
    private readonly Lock _lock = new();
    private readonly Dictionary<CoordinatorId, Incarnation> _incarnations = [];
    private readonly SortedDictionary<SagaId, Row> _sagas = [];

    /// <inheritdoc />
    public Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            var incarnation = new Incarnation(_incarnations.GetValueOrDefault(coordinator).Value + 1);
            _incarnations[coordinator] = incarnation;
            return Task.FromResult(new Membership(coordinator, incarnation));
        }
    }

    /// <inheritdoc />
    public Task ListCandidatesAsync(Membership member, CandidateListing listing, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ListPage(member, listing, after: null, pageSize: int.MaxValue);
        return Task.CompletedTask;
    }

    /// <inheritdoc />
    public Task<IReadOnlyList<LoadedSaga>> LoadAsync(
        Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            ThrowIfFenced(member);
            return Task.FromResult<IReadOnlyList<LoadedSaga>>([.. candidates.Select(Load)]);
        }

        LoadedSaga Load(Candidate candidate) =>
            Find(candidate.SagaId, member.Of(candidate.Generation)) is { IsInProgress: true } row
                ? new LoadedSaga.Present(row.ToSavedSaga())
                : LoadedSaga.MovedOn.Instance;
    }

    /// <inheritdoc />
    public Task<bool> AbandonAsync(SagaId sagaId, Ownership ownership, Abandonment abandonment, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            ThrowIfFenced(ownership.Member);
            if (Find(sagaId, ownership) is not { IsInProgress: true } row)
            {
                return Task.FromResult(false);
            }

            row.State = SagaState.Abandoned;
            row.Abandonment = abandonment;
            return Task.FromResult(true);
        }
    }

    /// <inheritdoc />
    public Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            ThrowIfFenced(member);
            return Task.FromResult(_sagas.TryAdd(saga.Id, new Row
            {
                Id = saga.Id,
                Definition = saga.Definition,
                Parameters = saga.Parameters,
                Owner = member.Coordinator,
            }));
        }
    }

    /// <inheritdoc />
    public async Task<IReadOnlyList<bool>> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        bool[] written;
        lock (_lock)
        {
            ThrowIfFenced(member);
            written = [.. entries.Select(entry => Find(entry.SagaId, member.Of(entry.Generation))?.TryWrite(entry) ?? false)];
        }

        if (AfterWrite is { } afterWrite)
        {
            foreach (SagaLogEntry entry in entries.Where((_, index) => written[index]))
            {
                await afterWrite(entry).WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        return written;
    }

    /// <summary>Adds the candidates that come after one in the order of their ids.</summary>
    /// <returns>How many, and the last of them.</returns>
    internal (int Count, SagaId? Last) ListPage(Membership member, CandidateListing listing, SagaId? after, int pageSize)
    {
        lock (_lock)
        {
            ThrowIfFenced(member);
            List<Row> page = [.. _sagas.Values
                .Where(row => row.IsInProgress && row.Owner == member.Coordinator && (after is null || row.Id > after))
                .Take(pageSize)];
            page.ForEach(row => listing.Add(new Candidate(row.Id, row.Definition.Name, row.Generation)));
            return (page.Count, page.Count == 0 ? after : page[^1].Id);
        }
    }

    private Row? Find(SagaId sagaId, Ownership ownership) =>
        _sagas.TryGetValue(sagaId, out Row? row) && row.Owner == ownership.Member.Coordinator && row.Generation == ownership.Generation
            ? row
            : null;

    private void ThrowIfFenced(Membership member)
    {
        if (!_incarnations.TryGetValue(member.Coordinator, out Incarnation present))
        {
            throw new InvalidOperationException($"Coordinator {member.Coordinator} has never joined this store.");
        }

        if (present != member.Incarnation)
        {
            throw new CoordinatorFencedException(member, present);
        }
    }
}
