using System.Text;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>The store under test, with the operations that the rules make on it.</summary>
internal sealed class StoreTrial(SagaStoreSubject subject)
{
    public static readonly SavedDefinition Definition = Define("contract-saga");

    public ISagaStore Store => subject.Store;

    public ISagaLog Log => subject.Log;

    public ISagaReader Reader => subject.Reader;

    public ISagaDefinitions Definitions => subject.Definitions;

    public ISagaRetention Retention => subject.Retention;

    public int ListPageSize => subject.ListPageSize;

    /// <summary>Creates an id at a fixed time, so that the order of ids differs from the order of their creation.</summary>
    public static SagaId NewId() => SagaId.NewAt(DateTimeOffset.UnixEpoch);

    public static CoordinatorId NewCoordinator() => new(NewId().Value);

    public static SavedDefinition Define(string name, int version = 1)
    {
        byte[] dag = Json($$"""{"name":"{{name}}","version":{{version}},"nodes":[{"id":0,"name":"only"}]}""");
        return new SavedDefinition(DefinitionHash.Of(dag), name, version, dag);
    }

    public static byte[] Json(string text) => Encoding.UTF8.GetBytes(text);

    public static NewSaga NewSaga(SagaId? id = null, SavedDefinition? definition = null, string parameters = "{}") =>
        new(id ?? NewId(), definition ?? Definition, Json(parameters));

    public static SavedNodeEvent Event(int node, NodeEventType type, string? json = null) =>
        new(node, type, json is null ? default(ReadOnlyMemory<byte>) : Json(json));

    /// <summary>Creates an entry at the initial generation with the start of a node.</summary>
    public static SagaLogEntry Started(SagaId sagaId, int node, SagaState? state = null) =>
        Entry(sagaId, state, Event(node, NodeEventType.Started));

    public static SagaLogEntry Entry(SagaId sagaId, SagaState? state, params SavedNodeEvent[] events) =>
        new(sagaId, AdoptGeneration.Initial, events, state);

    public static Candidate AsCandidate(SagaId sagaId, AdoptGeneration? generation = null) =>
        new(sagaId, Definition.Name, generation ?? AdoptGeneration.Initial);

    /// <summary>Joins with the given coordinator id, or with a new one.</summary>
    public Task<Membership> JoinAsync(CoordinatorId? coordinator = null) =>
        Store.JoinAsync(coordinator ?? NewCoordinator(), CancellationToken.None);

    public Task<Membership> RejoinAsync(Membership lost) => Store.RejoinAsync(lost, CancellationToken.None);

    public Task<bool> CancelAsync(SagaId sagaId, SagaCancellation cancellation) => subject.CancelAsync(sagaId, cancellation);

    public Task LoseLastJoinAsync(CoordinatorId coordinator) => subject.LoseLastJoinAsync(coordinator);

    public async Task<SagaId> CreateAsync(Membership member, NewSaga? saga = null)
    {
        NewSaga inserted = saga ?? NewSaga();
        bool created = await Log.CreateAsync(member, inserted, CancellationToken.None).ConfigureAwait(false);
        Expect.That(created, "a saga with a new id is inserted", "the store reported that the id exists");
        return inserted.Id;
    }

    public async Task<List<SagaId>> CreateManyAsync(Membership member, int count)
    {
        List<SagaId> ids = [];
        while (ids.Count < count)
        {
            ids.Add(await CreateAsync(member).ConfigureAwait(false));
        }

        return ids;
    }

    public Task ReassignAsync(SagaId sagaId, CoordinatorId? to) => subject.ReassignAsync(sagaId, to);

    public Task MakeUnreadableAsync(SagaId sagaId) => subject.MakeUnreadableAsync(sagaId);

    public async Task<bool> AppendAsync(Membership member, SagaLogEntry entry)
    {
        IReadOnlyList<bool> written = await AppendAsync(member, [entry]).ConfigureAwait(false);
        return written[0];
    }

    public async Task<IReadOnlyList<bool>> AppendAsync(Membership member, params SagaLogEntry[] entries)
    {
        IReadOnlyList<bool> written = await Log.AppendAsync(member, entries, CancellationToken.None).ConfigureAwait(false);
        Expect.Equal(written.Count, entries.Length, "results for the entries of a group");
        return written;
    }

    /// <summary>Writes an entry and expects that the store accepts it.</summary>
    public async Task WriteAsync(Membership member, SagaLogEntry entry) =>
        Expect.That(await AppendAsync(member, entry).ConfigureAwait(false), "a write of the owner at the current generation is accepted", "it was refused");

    public Task<RestoreOutcome> RestoreAsync(Membership member, SagaLogEntry everything) =>
        Log.RestoreAsync(member, everything, CancellationToken.None);

    public Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, params SagaId[] sagas) =>
        Store.FindLostAsync(member, sagas, CancellationToken.None);

    public Task<bool> AbandonAsync(Membership member, SagaId sagaId, AdoptGeneration? generation = null) => Store.AbandonAsync(
        sagaId, member.Of(generation ?? AdoptGeneration.Initial), new Abandonment("corrupt", "for the contract"), CancellationToken.None);

    public async Task<(IReadOnlyList<Candidate> Readable, IReadOnlyList<UnreadableCandidate> Unreadable)> ListAsync(
        Membership member, CancellationToken cancellationToken = default)
    {
        var tracker = new SagaTracker(new StartInbox(), BackoffPolicy.Default);
        OpenedPass pass = tracker.OpenPass(PassReason.Explicit, DateTimeOffset.UnixEpoch);
        CandidateListing listing = pass.BeginListing();
        await Store.ListCandidatesAsync(member, listing, cancellationToken).ConfigureAwait(false);
        // Nothing is tracked, so the plan recovers every listed saga.
        RecoveryPlan plan = pass.Reconcile(listing, RecoveryControls.None, DateTimeOffset.UnixEpoch).MakePlan();
        return (plan.Recover, plan.Unreadable);
    }

    public async Task<IReadOnlyList<SagaId>> ListIdsAsync(Membership member)
    {
        (IReadOnlyList<Candidate> readable, _) = await ListAsync(member).ConfigureAwait(false);
        return [.. readable.Select(candidate => candidate.SagaId)];
    }

    public async Task<IReadOnlyList<LoadedSaga>> LoadAsync(Membership member, params Candidate[] candidates)
    {
        IReadOnlyList<LoadedSaga> loaded = await Store.LoadAsync(member, candidates, CancellationToken.None).ConfigureAwait(false);
        Expect.Equal(loaded.Count, candidates.Length, "results for the candidates to load");
        return loaded;
    }

    public async Task<SavedSaga> LoadPresentAsync(Membership member, SagaId sagaId, AdoptGeneration? generation = null)
    {
        IReadOnlyList<LoadedSaga> loaded = await LoadAsync(member, AsCandidate(sagaId, generation)).ConfigureAwait(false);
        return RequirePresent(loaded[0], sagaId);
    }

    /// <summary>Reads a saga that exists.</summary>
    public async Task<SavedSaga> ReadPresentAsync(SagaId sagaId) =>
        await Reader.ReadAsync(sagaId, CancellationToken.None).ConfigureAwait(false)
        ?? throw new BrokenRuleException($"saga {sagaId}, which exists, is read", "the store returned null");

    /// <summary>Returns the loaded saga, or fails the rule if the store did not load it.</summary>
    public static SavedSaga RequirePresent(LoadedSaga loaded, SagaId sagaId) => loaded is LoadedSaga.Present { Saga: var saga } && saga.Id == sagaId
        ? saga
        : throw new BrokenRuleException($"saga {sagaId}, which is in progress and ours, is loaded", $"the store returned {loaded}");

    /// <summary>Returns the events as lines of text to compare.</summary>
    public static IEnumerable<string> Describe(IEnumerable<SavedNodeEvent> events) => events
        .OrderBy(nodeEvent => nodeEvent.NodeId).ThenBy(nodeEvent => nodeEvent.Type)
        .Select(nodeEvent => $"{nodeEvent.NodeId} {nodeEvent.Type} {Encoding.UTF8.GetString(nodeEvent.Data.Span)}".TrimEnd());
}
