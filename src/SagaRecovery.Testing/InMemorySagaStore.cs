using System.Security.Cryptography;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <summary>
/// An in-memory saga store for tests, with the semantics of the Postgres store: incarnations, adopt generations, fenced writes and
/// idempotent repeats.
/// </summary>
/// <remarks>
/// The object plays the role of the database: share one instance between processes that start and crash. Its data is lost with it.
/// Thread-safe. Each call is one transaction.
/// </remarks>
public sealed partial class InMemorySagaStore : ISagaStore, ISagaLog, ISagaReader, ISagaTransactions, ISagaDefinitions, ISagaRetention
{
    private readonly Lock _lock = new();
    private readonly Dictionary<JoinToken, HashSet<JoinToken>> _lineages = []; // by join; knowledge of the processes, so a loss of commits does not affect it
    private Dictionary<CoordinatorId, Join> _joins = [];
    private SortedDictionary<SagaId, Row> _sagas = [];
    private long _serverRun; // raised by each loss of commits and each restart

    /// <inheritdoc />
    public Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            Join? before = _joins.GetValueOrDefault(coordinator);
            Membership member = AddJoin(coordinator, new Incarnation((before?.Incarnation.Value ?? 0) + 1), before);
            _lineages[member.Token] = [member.Token, .. before?.Lineage ?? []];
            return Task.FromResult(member);
        }
    }

    /// <inheritdoc />
    public Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            Join? present = _joins.GetValueOrDefault(lost.Coordinator);
            if (present is not null && !_lineages[lost.Token].Contains(present.Token))
            {
                throw new CoordinatorFencedException(lost, present.Incarnation);
            }

            var incarnation = new Incarnation(Math.Max(lost.Incarnation.Value, present?.Incarnation.Value ?? 0) + 1);
            Membership member = AddJoin(lost.Coordinator, incarnation, present);
            // Shared with the older joins: a call in flight with one of them must be refused as lost, not as fenced.
            _lineages[member.Token] = _lineages[lost.Token];
            _lineages[member.Token].Add(member.Token);
            return Task.FromResult(member);
        }
    }

    /// <inheritdoc />
    public Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, IReadOnlyCollection<SagaId> sagas, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            ThrowIfFenced(member);
            return Task.FromResult<IReadOnlyList<SagaId>>([.. sagas.Where(saga => !_sagas.ContainsKey(saga)).Distinct()]);
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
                : LoadedSaga.Superseded.Instance;
    }

    /// <inheritdoc />
    public Task<SavedSaga?> ReadAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(Find(sagaId)?.ToSavedSaga());
    }

    /// <inheritdoc />
    public Task<IReadOnlyCollection<SagaId>> FindUnfinishedAsync(IReadOnlyCollection<SagaId> sagaIds, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return Task.FromResult<IReadOnlyCollection<SagaId>>([.. sagaIds.Where(id => _sagas.GetValueOrDefault(id) is { IsInProgress: true })]);
        }
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

            TakeSnapshot();
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
            if (_sagas.ContainsKey(saga.Id))
            {
                return Task.FromResult(false);
            }

            TakeSnapshot();
            var row = new Row
            {
                Time = Time,
                TimeCreated = Time.GetUtcNow(),
                Id = saga.Id,
                Definition = saga.Definition,
                Parameters = saga.Parameters,
                Owner = member.Coordinator,
                Deadline = saga.Deadline,
                Tags = saga.Tags,
            };
            row.Write(new SagaLogEntry(saga.Id, row.Generation, saga.Events));
            _sagas.Add(saga.Id, row);
            return Task.FromResult(true);
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
            if (entries.Any(entry => Find(entry.SagaId, member.Of(entry.Generation))?.WouldChange(entry) ?? false))
            {
                TakeSnapshot();
            }

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

    /// <inheritdoc />
    public Task<RestoreOutcome> RestoreAsync(Membership member, SagaLogEntry everything, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            ThrowIfFenced(member);
            if (!_sagas.TryGetValue(everything.SagaId, out Row? row))
            {
                return Task.FromResult(RestoreOutcome.Lost);
            }

            if (Find(everything.SagaId, member.Of(everything.Generation)) is null || (!row.IsInProgress && row.State != everything.NewState))
            {
                return Task.FromResult(RestoreOutcome.NotOwned);
            }

            if (!row.CanRestore(everything) || row.IsRefusedSuccess(everything))
            {
                return Task.FromResult(RestoreOutcome.Superseded);
            }

            TakeSnapshot();
            row.Restore(everything);
            return Task.FromResult(RestoreOutcome.Restored);
        }
    }

    /// <summary>Adds one page of candidates to a listing, in the order of their ids, after <paramref name="after"/>.</summary>
    /// <returns>The number of candidates and the last id.</returns>
    internal (int Count, SagaId? Last) ListPage(Membership member, CandidateListing listing, SagaId? after, int pageSize)
    {
        lock (_lock)
        {
            ThrowIfFenced(member);
            List<Row> page = [.. _sagas.Values
                .Where(row => row.IsInProgress && row.Owner == member.Coordinator && (after is null || row.Id > after))
                .Take(pageSize)];
            page.ForEach(row => listing.Add(new Candidate(row.Id, row.Definition.Name, row.Generation) { Definition = KeyOf(row.Definition.Hash) }));
            return (page.Count, page.Count == 0 ? after : page[^1].Id);
        }
    }

    private Row? Find(SagaId sagaId, Ownership ownership) =>
        _sagas.TryGetValue(sagaId, out Row? row) && row.Owner == ownership.Member.Coordinator && row.Generation == ownership.Generation
            ? row
            : null;

    private Membership AddJoin(CoordinatorId coordinator, Incarnation incarnation, Join? before)
    {
        TakeSnapshot();
        var token = new JoinToken(new Guid(RandomNumberGenerator.GetBytes(16)));
        _joins[coordinator] = new Join(token, incarnation, _serverRun, [token, .. before?.Lineage ?? []]);
        return new Membership(coordinator, incarnation, token);
    }

    private void ThrowIfFenced(Membership member)
    {
        if (!_lineages.TryGetValue(member.Token, out HashSet<JoinToken>? lineage))
        {
            throw new InvalidOperationException($"{member} has never joined this store.");
        }

        Join? present = _joins.GetValueOrDefault(member.Coordinator);
        if (present is not null && !lineage.Contains(present.Token))
        {
            throw new CoordinatorFencedException(member, present.Incarnation);
        }

        if (present is null || present.Token != member.Token || present.ServerRun != _serverRun)
        {
            throw new JoinLostException(member);
        }
    }

    /// <summary>A stored join.</summary>
    /// <param name="Token">The identity of the join.</param>
    /// <param name="Incarnation">The incarnation of the join.</param>
    /// <param name="ServerRun">The run of the server that made the join. On a later run the join is lost.</param>
    /// <param name="Lineage">The tokens of the join and of the joins before it.</param>
    private sealed record Join(JoinToken Token, Incarnation Incarnation, long ServerRun, IReadOnlyList<JoinToken> Lineage);
}
