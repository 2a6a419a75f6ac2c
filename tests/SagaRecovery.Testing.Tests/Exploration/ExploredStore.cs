using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>Records the rows that the pass under way has read: its next steps depend on them.</summary>
internal sealed class ExploredStore(SimulatedStore store, InMemorySagaStore database) : ISagaStore
{
    private CandidateListing? _listing;
    private Membership _member; // the pass's own

    public IReadOnlyList<Candidate> Listed => _listing is null ? [] : _listing.Candidates;

    public IReadOnlyList<Candidate> ToLoad { get; private set; } = [];

    /// <summary>The rows of the database when the pass read it again, known from then on, though the pass receives them a step later.</summary>
    public IReadOnlyList<LoadedSaga> Loaded { get; private set; } = [];

    /// <summary>Of the sagas that were not listed, those without a row.</summary>
    public IReadOnlyList<SagaId> Lost { get; private set; } = [];

    public void AddTo(Fingerprint fingerprint)
    {
        fingerprint.Add(database.IsCurrent(_member));
        foreach (IReadOnlyList<Candidate> candidates in new[] { Listed, ToLoad })
        {
            fingerprint.Add(candidates.Count);
            fingerprint.Add([.. candidates.Select(candidate => (candidate.SagaId.Value.ToByteArray()[^1] * 10) + (int)candidate.Generation.Value)]);
        }

        fingerprint.Add([.. Loaded.Select(loaded => loaded is LoadedSaga.Present { Saga: var saga } ? saga.Cancellation is null ? 1 : 2 : 0)]);
    }

    public void Forget()
    {
        _listing = null;
        ToLoad = [];
        Loaded = [];
        Lost = [];
    }

    public Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken) =>
        store.JoinAsync(coordinator, cancellationToken);

    public Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken) => store.RejoinAsync(lost, cancellationToken);

    public async Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, IReadOnlyCollection<SagaId> sagas, CancellationToken cancellationToken) =>
        Lost = await store.FindLostAsync(member, sagas, cancellationToken);

    public Task ListCandidatesAsync(Membership member, CandidateListing listing, CancellationToken cancellationToken)
    {
        (_listing, _member) = (listing, member);
        return store.ListCandidatesAsync(member, listing, cancellationToken);
    }

    public Task<IReadOnlyList<LoadedSaga>> LoadAsync(
        Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken)
    {
        ToLoad = candidates;
        return store.LoadAsync(member, candidates, cancellationToken);
    }

    public void NoteLoaded(Membership member) => Loaded = database.LoadAsync(member, ToLoad, CancellationToken.None).Outcome();

    public Task<bool> AbandonAsync(SagaId sagaId, Ownership ownership, Abandonment abandonment, CancellationToken cancellationToken) =>
        store.AbandonAsync(sagaId, ownership, abandonment, cancellationToken);
}
