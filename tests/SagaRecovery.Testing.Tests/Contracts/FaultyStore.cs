using System.Collections.Concurrent;
using System.Text.Json;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Testing.Contracts;

namespace SagaRecovery.Testing.Tests.Contracts;

/// <summary>The store in memory with one fault.</summary>
internal sealed partial class FaultyStore(Fault fault, int losableCommits) : ISagaStore, ISagaLog, ISagaReader, ISagaDefinitions
{
    private readonly ConcurrentDictionary<CoordinatorId, Membership> _latest = new();
    private readonly ConcurrentDictionary<string, SavedDefinition> _byName = new();
    private readonly ConcurrentDictionary<SagaId, bool> _unreadable = new();
    private readonly ConcurrentDictionary<SagaId, SagaCancellation> _cancelled = new();
    private readonly ConcurrentDictionary<SagaId, IReadOnlyList<SavedNodeEvent>> _logs = new(); // as first read
    private readonly TaskCompletionSource _firstPageRead = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _someEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private List<Candidate> _copy = [];
    private TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _appends;

    public InMemorySagaStore Inner { get; } = new() { LosableCommits = losableCommits };

    public Task<bool> CancelAsync(SagaId sagaId, SagaCancellation cancellation) => Task.FromResult(fault switch
    {
        Fault.TakesSuccessOfCancelled => _cancelled.TryAdd(sagaId, cancellation),
        Fault.CancelsWhatEnds => Inner.Cancel(sagaId, cancellation) || Find(sagaId) is not null,
        _ => Inner.Cancel(sagaId, cancellation),
    });

    public void MakeUnreadable(SagaId sagaId) => _unreadable[sagaId] = true;

    public async Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        if (Is(Fault.FencesOthers))
        {
            foreach (CoordinatorId other in _latest.Keys)
            {
                await Inner.JoinAsync(other, cancellationToken);
            }
        }

        if (Is(Fault.KeepsIncarnation) && _latest.TryGetValue(coordinator, out Membership present))
        {
            return present;
        }

        if (Is(Fault.ChecksJoinBeforeRejoining) && _latest.ContainsKey(coordinator))
        {
            await _rejoinChecked.Task;
        }

        _latest[coordinator] = await Inner.JoinAsync(coordinator, Unless(Fault.IgnoresCancellation, cancellationToken));
        if (_rejoinChecked.Task.IsCompleted)
        {
            _joinedMeanwhile.TrySetResult();
        }

        return _latest[coordinator];
    }

    public async Task ListCandidatesAsync(Membership member, CandidateListing listing, CancellationToken cancellationToken)
    {
        var whole = new CandidateListing();
        await Inner.ListCandidatesAsync(member, whole, cancellationToken);
        IEnumerable<Candidate> listed = whole.Candidates;
        if (Is(Fault.PagesByOffset) && whole.Count > 20)
        {
            int page = whole.Count / 2;
            listed = listed.Take(page).ToList();
            _firstPageRead.TrySetResult();
            await _someEnded.Task;
            var later = new CandidateListing();
            await Inner.ListCandidatesAsync(member, later, cancellationToken);
            listed = [.. listed, .. later.Candidates.Skip(page)];
        }

        (listed, _copy) = Is(Fault.ListsFromLaggingCopy) ? (_copy, whole.Candidates) : (listed, _copy);
        listed = Is(Fault.SkipsAtPageEnd) ? listed.Where((_, i) => i % 20 != 19) : listed;
        listed = Is(Fault.HidesUnwinding) ? listed.Where(candidate => Inner.Get(candidate.SagaId).State == SagaState.Running) : listed;
        listed = Is(Fault.HidesUnreadable) ? listed.Where(candidate => !_unreadable.ContainsKey(candidate.SagaId)) : listed;
        DefinitionKey? first = listed.Select(candidate => candidate.Definition).FirstOrDefault();
        listed = Is(Fault.ListsOneDefinition) ? listed.Select(candidate => candidate with { Definition = first }) : listed;
        listed.ToList().ForEach(listing.Add);
    }

    public async Task<IReadOnlyList<LoadedSaga>> LoadAsync(
        Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken)
    {
        IReadOnlyList<LoadedSaga> loaded = await Inner.LoadAsync(member, candidates, cancellationToken);
        Interlocked.Exchange(ref _loaded, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
        if (Is(Fault.LoadsWithoutCheck))
        {
            return [.. candidates.Select(candidate => new LoadedSaga.Present(Inner.Get(candidate.SagaId).ToSavedSaga()))];
        }

        return [.. (Is(Fault.LoadsInReverse) ? loaded.Reverse() : loaded).Select(one => one is LoadedSaga.Present present ? Spoil(present.Saga) : one)];
    }

    public async Task<bool> AbandonAsync(SagaId sagaId, Ownership ownership, Abandonment abandonment, CancellationToken cancellationToken)
    {
        if (Is(Fault.AbandonsNothing))
        {
            return true;
        }

        ownership = Is(Fault.AbandonsAnyGeneration) && Find(sagaId) is { } row ? ownership.Member.Of(row.Generation) : ownership;
        bool abandoned = await Inner.AbandonAsync(sagaId, ownership, abandonment, cancellationToken);
        return abandoned || Is(Fault.AbandonsWhatEnds);
    }

    public async Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken)
    {
        SavedDefinition definition = Is(Fault.KeepsDefinitionByName) ? _byName.GetOrAdd(saga.Definition.Name, saga.Definition) : saga.Definition;
        saga = saga with { Definition = definition, Events = Is(Fault.ForgetsFirstEvents) ? [] : saga.Events };
        bool created = await Inner.CreateAsync(member, saga, cancellationToken);
        if (!created && Is(Fault.AddsEventsOfRefusedCreates) && saga.Events.Count > 0)
        {
            await Inner.AppendAsync(member, [new SagaLogEntry(saga.Id, AdoptGeneration.Initial, saga.Events)], cancellationToken);
        }

        if (created && Is(Fault.CreatesAtNewerGeneration))
        {
            Inner.Reassign(saga.Id, member.Coordinator);
        }

        if (created && _eventsOfLost.TryRemove(saga.Id, out SagaLogEntry? left))
        {
            await Inner.AppendAsync(member, [left], cancellationToken);
        }

        return created || Is(Fault.CreatesAgain);
    }

    public async Task<IReadOnlyList<bool>> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken)
    {
        Membership writer = await WriterAsync(member);
        if (Is(Fault.ChecksIncarnationBeforeWriting) && member == _latest[member.Coordinator])
        {
            await DawdleAsync(entries);
            writer = _latest[member.Coordinator]; // a process may have joined since the check
        }

        writer = Is(Fault.TakesWritesOfOldIncarnations) ? _latest[member.Coordinator] : writer;
        if (Is(Fault.PagesByOffset))
        {
            await _firstPageRead.Task;
        }

        if (Is(Fault.ChecksOwnerBeforeWriting) && entries.All(entry => IsOwned(member, entry)))
        {
            await DawdleAsync(entries);
            return [await WriteUnfencedAsync(entries.Single())];
        }

        if (Is(Fault.WritesStateApart))
        {
            await Inner.AppendAsync(writer, [.. entries.Select(entry => entry with { NewState = null })], cancellationToken);
            if (cancellationToken.CanBeCanceled)
            {
                await Task.Delay(Timeout.Infinite, cancellationToken); // the caller of this rule always cancels: here, in between
            }
        }

        if (Is(Fault.LosesSome) && Interlocked.Increment(ref _appends) % 100 == 0)
        {
            return [.. entries.Select(_ => true)];
        }

        foreach (SagaLogEntry entry in entries.Where(entry => Is(Fault.ReplacesCancellations) && entry.Cancellation is not null))
        {
            _cancelled[entry.SagaId] = entry.Cancellation!;
        }

        IReadOnlyList<bool> written = await Inner.AppendAsync(writer, [.. Spoil(entries)], cancellationToken);
        _someEnded.TrySetResult();
        return Spoil(entries, written);
    }

    public Task<SavedSaga?> ReadAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        StoredSaga? row = Find(sagaId);
        if (row is null || (Is(Fault.ReadsOnlyOwned) && row.Owner is null))
        {
            return Task.FromResult<SavedSaga?>(null);
        }

        SavedSaga saga = row.ToSavedSaga();
        return Task.FromResult<SavedSaga?>(fault switch
        {
            Fault.ReadsWithoutData => saga with { Events = [.. saga.Events.Select(one => one with { Data = default })] },
            Fault.ReadsOlderLog => saga with { Events = _logs.GetOrAdd(sagaId, saga.Events) },
            _ => saga,
        });
    }

    public Task<IReadOnlyCollection<SagaId>> FindUnfinishedAsync(IReadOnlyCollection<SagaId> sagaIds, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyCollection<SagaId>>(
        [
            .. sagaIds.Where(id => Find(id) is { } row && (row.State == SagaState.Running
                || (row.State == SagaState.Unwinding && !Is(Fault.FindsUnwindingEnded))
                || (row.State == SagaState.Succeeded && Is(Fault.FindsEndedInProgress)))),
        ]);

    private bool Is(Fault one) => fault == one;

    private CancellationToken Unless(Fault ignores, CancellationToken cancellationToken) => Is(ignores) ? CancellationToken.None : cancellationToken;

    private StoredSaga? Find(SagaId sagaId) => Inner.Find(sagaId);

    private bool IsOwned(Membership member, SagaLogEntry entry) =>
        Find(entry.SagaId) is { } row && row.Owner == member.Coordinator && row.Generation == entry.Generation;

    private async Task<bool> WriteUnfencedAsync(SagaLogEntry entry)
    {
        StoredSaga row = Inner.Get(entry.SagaId);
        Membership owner = _latest[row.Owner!.Value];
        return (await Inner.AppendAsync(owner, [entry with { Generation = row.Generation }], CancellationToken.None))[0];
    }

    /// <summary>Sometimes, and not at first: until the log has been loaded, which is when the new owner reads it.</summary>
    private Task DawdleAsync(IReadOnlyList<SagaLogEntry> entries)
    {
        bool isFirst = Inner.Get(entries[0].SagaId).Events.Count == 0;
        return !isFirst && Interlocked.Increment(ref _appends) % 5 == 0 ? _loaded.Task : Task.CompletedTask;
    }

    private LoadedSaga Spoil(SavedSaga saga)
    {
        if (_unreadable.ContainsKey(saga.Id))
        {
            return new LoadedSaga.Unreadable("damaged");
        }

        saga = Is(Fault.ForgetsDeadlines) ? saga with { Deadline = null } : saga;
        saga = _cancelled.TryGetValue(saga.Id, out SagaCancellation? cancellation) ? saga with { Cancellation = cancellation } : saga;
        saga = Is(Fault.CutsLog) ? saga with { Events = [.. saga.Events.Take(1_000)] } : saga;
        return new LoadedSaga.Present(
            Is(Fault.ParsesJson) ? saga with { Parameters = JsonSerializer.SerializeToUtf8Bytes(JsonDocument.Parse(saga.Parameters)) } : saga);
    }

    private IEnumerable<SagaLogEntry> Spoil(IReadOnlyList<SagaLogEntry> entries) => fault switch
    {
        Fault.WritesInReverse => entries.Reverse(),
        Fault.ForgetsCancellationsOfAppends => entries.Select(entry => entry with { Cancellation = null }),
        Fault.IgnoresGeneration => entries.Select(entry => Find(entry.SagaId) is { } row ? entry with { Generation = row.Generation } : entry),
        Fault.RefusesRepeats => entries.Select(entry => IsLogged(entry) ? entry with { Generation = default } : entry),
        _ => entries,
    };

    private IReadOnlyList<bool> Spoil(IReadOnlyList<SagaLogEntry> entries, IReadOnlyList<bool> written) => fault switch
    {
        Fault.AnswersForTheGroup => [.. written.Select(_ => written.Any(one => one))],
        Fault.WritesAfterEnd => [.. written.Select((one, i) => one || Find(entries[i].SagaId) is { State: not (SagaState.Running or SagaState.Unwinding) })],
        _ => written,
    };

    private bool IsLogged(SagaLogEntry entry) => entry.Events.Count > 0 && Find(entry.SagaId) is { } row
        && entry.Events.All(one => row.Events.Any(other => other.NodeId == one.NodeId && other.Type == one.Type));
}

internal sealed class FaultySubject(Fault fault, int losableCommits = 0) : SagaStoreSubject
{
    private readonly FaultyStore _store = new(fault, losableCommits);

    public override ISagaStore Store => _store;

    public override ISagaLog Log => _store;

    public override ISagaReader Reader => _store;

    public override ISagaDefinitions Definitions => _store;

    public override ISagaRetention Retention => new FaultyRetention(_store.Inner, fault);

    public override TimeSpan WaitTimeout => TimeSpan.FromSeconds(20);

    public override Task ReassignAsync(SagaId sagaId, CoordinatorId? to)
    {
        _store.Inner.Reassign(sagaId, to);
        return Task.CompletedTask;
    }

    public override Task MakeUnreadableAsync(SagaId sagaId)
    {
        _store.MakeUnreadable(sagaId);
        return Task.CompletedTask;
    }

    public override Task<bool> CancelAsync(SagaId sagaId, SagaCancellation cancellation) => _store.CancelAsync(sagaId, cancellation);

    public override Task LoseLastJoinAsync(CoordinatorId coordinator)
    {
        _store.Inner.LoseLastCommits(1);
        return Task.CompletedTask;
    }
}
