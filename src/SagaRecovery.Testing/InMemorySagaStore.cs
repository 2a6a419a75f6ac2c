using System.Security.Cryptography;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <summary>
/// Sagas in memory, with the semantics of the real store: incarnations, adopt generations, fenced writes, harmless duplicates. For
/// tests: nothing outlives the object, which therefore stands for the database, while the executors that use it come and crash.
/// Thread-safe; every call is one transaction.
/// </summary>
public sealed partial class InMemorySagaStore : ISagaStore, ISagaLog
{
    private readonly Lock _lock = new();
    private readonly Dictionary<JoinToken, HashSet<JoinToken>> _lineages = []; // what processes know, so it is never lost
    private Dictionary<CoordinatorId, Join> _joins = [];
    private SortedDictionary<SagaId, Row> _sagas = [];
    private long _serverRun; // rises when commits are lost, or the server is started anew

    /// <inheritdoc />
    public Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            Join? before = _joins.GetValueOrDefault(coordinator);
            Membership member = Put(coordinator, new Incarnation((before?.Incarnation.Value ?? 0) + 1), before);
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
            Membership member = Put(lost.Coordinator, incarnation, present);
            _lineages[member.Token] = _lineages[lost.Token]; // shared: what is still under way with an older join is refused as lost, too
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

            Commit();
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

            Commit();
            _sagas.Add(saga.Id, new Row
            {
                Id = saga.Id,
                Definition = saga.Definition,
                Parameters = saga.Parameters,
                Owner = member.Coordinator,
            });
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
                Commit();
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
                return Task.FromResult(RestoreOutcome.NotOurs);
            }

            if (!row.HoldsNothingBut(everything.Events))
            {
                return Task.FromResult(RestoreOutcome.Superseded);
            }

            Commit();
            row.Write(everything);
            return Task.FromResult(RestoreOutcome.Restored);
        }
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

    private Membership Put(CoordinatorId coordinator, Incarnation incarnation, Join? before)
    {
        Commit();
        var token = new JoinToken(new Guid(RandomNumberGenerator.GetBytes(16)));
        _joins[coordinator] = new Join(token, incarnation, _serverRun, [token, .. before?.Lineage ?? []]);
        return new Membership(coordinator, incarnation, token);
    }

    private void ThrowIfFenced(Membership member)
    {
        if (!_lineages.TryGetValue(member.Token, out HashSet<JoinToken>? lineage))
        {
            throw new InvalidOperationException($"Coordinator {member} has never joined this store.");
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

    /// <summary>A join as it stands in the store.</summary>
    /// <param name="Token">Which.</param>
    /// <param name="Incarnation">Its number.</param>
    /// <param name="ServerRun">On which run of the server it was made: on another it counts no more.</param>
    /// <param name="Lineage">Its token, and those of the joins before it.</param>
    private sealed record Join(JoinToken Token, Incarnation Incarnation, long ServerRun, IReadOnlyList<JoinToken> Lineage);
}
