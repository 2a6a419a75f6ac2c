using System.Collections.Concurrent;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Support;

/// <summary>A store in memory whose every answer a test can delay or replace.</summary>
internal sealed class ScriptedStore : ISagaStore
{
    private long _incarnation;
    private int _joinLost;

    /// <summary>The sagas in progress and ours.</summary>
    public ConcurrentDictionary<SagaId, AdoptGeneration> Sagas { get; } = new();

    public ConcurrentDictionary<SagaId, Abandonment> Abandoned { get; } = new();

    public int Joins { get; private set; }

    public int Rejoins { get; private set; }

    /// <summary>Sagas without a row.</summary>
    public HashSet<SagaId> Lost { get; } = [];

    public Func<Task> BeforeJoin { get; set; } = () => Task.CompletedTask;

    public Func<Task> BeforeList { get; set; } = () => Task.CompletedTask;

    /// <summary>Called with the number of sagas listed so far.</summary>
    public Action<int> WhileListing { get; set; } = _ => { };

    public Func<IReadOnlyList<Candidate>, Task> BeforeLoad { get; set; } = _ => Task.CompletedTask;

    public Func<SagaId, LoadedSaga?> LoadInstead { get; set; } = _ => null;

    /// <summary>The sagas whose rows cannot be read, with the error.</summary>
    public Dictionary<SagaId, string> Unreadable { get; } = [];

    /// <summary>The definition of the listed sagas; null: not reported.</summary>
    public DefinitionKey? Definition { get; set; }

    /// <summary>The number of sagas loaded so far.</summary>
    public int Loaded { get; private set; }

    public SagaId Add()
    {
        var sagaId = new SagaId(Guid.NewGuid());
        Sagas[sagaId] = AdoptGeneration.Initial;
        return sagaId;
    }

    /// <summary>Acts as a newer process.</summary>
    public void JoinElsewhere() => Interlocked.Increment(ref _incarnation);

    public async Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        await BeforeJoin().WaitAsync(cancellationToken);
        Joins++;
        return new Membership(coordinator, new Incarnation(Interlocked.Increment(ref _incarnation)), default);
    }

    /// <summary>Acts as a database after a fail-over: the join and these sagas are lost.</summary>
    public void FailOver(params IEnumerable<SagaId> lost)
    {
        foreach (SagaId sagaId in lost)
        {
            Sagas.TryRemove(sagaId, out _);
            Lost.Add(sagaId);
        }

        Interlocked.Exchange(ref _joinLost, value: 1);
    }

    public Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken)
    {
        Rejoins++;
        Interlocked.Exchange(ref _joinLost, value: 0);
        return Task.FromResult(lost with { Incarnation = new Incarnation(Interlocked.Increment(ref _incarnation)) });
    }

    public Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, IReadOnlyCollection<SagaId> sagas, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<SagaId>>([.. sagas.Where(Lost.Contains)]);

    public async Task ListCandidatesAsync(Membership member, CandidateListing listing, CancellationToken cancellationToken)
    {
        await BeforeList().WaitAsync(cancellationToken);
        ThrowIfFenced(member);
        foreach ((SagaId sagaId, AdoptGeneration generation) in Sagas)
        {
            listing.Add(new Candidate(sagaId, "scripted", generation) { Definition = Definition });
            WhileListing(listing.Count);
        }

        foreach ((SagaId sagaId, string error) in Unreadable)
        {
            listing.AddUnreadable(sagaId, error);
        }
    }

    public async Task<IReadOnlyList<LoadedSaga>> LoadAsync(
        Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken)
    {
        await BeforeLoad(candidates).WaitAsync(cancellationToken);
        ThrowIfFenced(member);
        Loaded += candidates.Count;
        return [.. candidates.Select(Load)];
    }

    public Task<bool> AbandonAsync(SagaId sagaId, Ownership ownership, Abandonment abandonment, CancellationToken cancellationToken)
    {
        ThrowIfFenced(ownership.Member);
        bool ours = Sagas.TryRemove(sagaId, out _);
        if (ours)
        {
            Abandoned[sagaId] = abandonment;
        }

        return Task.FromResult(ours);
    }

    private LoadedSaga Load(Candidate candidate)
    {
        if (LoadInstead(candidate.SagaId) is { } instead)
        {
            return instead;
        }

        return !Sagas.TryGetValue(candidate.SagaId, out AdoptGeneration generation) || generation != candidate.Generation
            ? LoadedSaga.Superseded.Instance
            : new LoadedSaga.Present(new SavedSaga
            {
                Id = candidate.SagaId,
                Name = candidate.Name,
                State = SagaState.Running,
                Generation = generation,
                Definition = SagaDatabase.Definition,
                Parameters = "{}"u8.ToArray(),
                Events = [],
            });
    }

    private void ThrowIfFenced(Membership member)
    {
        if (Volatile.Read(ref _joinLost) == 1)
        {
            throw new JoinLostException(member);
        }

        var present = new Incarnation(Interlocked.Read(ref _incarnation));
        if (present != member.Incarnation)
        {
            throw new CoordinatorFencedException(member, present);
        }
    }
}
