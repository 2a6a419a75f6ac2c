using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>
/// The sagas in progress and ours that nobody here runs although a pass has seen them: they failed, are not here, or cannot be read.
/// What the tracker knows of each, from pass to pass. Not thread-safe.
/// </summary>
internal sealed class WaitingSagas(BackoffPolicy backoff)
{
    private readonly Dictionary<SagaId, Entry> _entries = [];

    public List<WaitingSaga> All => [.. _entries.Select(pair => Describe(pair.Key, pair.Value))];

    /// <summary>When the first of them was found not to run; null: none waits.</summary>
    public DateTimeOffset? EarliestSince => _entries.Values.Min(entry => (DateTimeOffset?)entry.Since);

    public WaitingSaga? Find(SagaId sagaId) => _entries.TryGetValue(sagaId, out Entry entry) ? Describe(sagaId, entry) : null;

    /// <summary>When it was first found not to run; null: it was not.</summary>
    public DateTimeOffset? SinceOf(SagaId sagaId) => _entries.TryGetValue(sagaId, out Entry entry) ? entry.Since : null;

    public bool Contains(SagaId sagaId) => _entries.ContainsKey(sagaId);

    public void Remove(SagaId sagaId) => _entries.Remove(sagaId);

    /// <summary>Forgets what is known of runs at this or an older generation: the saga runs here after all.</summary>
    public void RemoveUpTo(SagaId sagaId, AdoptGeneration generation)
    {
        if (_entries.TryGetValue(sagaId, out Entry entry) && entry.Generation <= generation)
        {
            _entries.Remove(sagaId);
        }
    }

    /// <summary>Failures in a row at the listed generation.</summary>
    public int FailuresOf(Candidate candidate) => FailuresOf(candidate.SagaId, candidate.Generation);

    public void NoteFailure(Candidate candidate, string error, long pass, DateTimeOffset since, DateTimeOffset now) =>
        NoteFailure(candidate.SagaId, candidate.Name, candidate.Generation, error, FailuresOf(candidate) + 1, pass, since, now);

    /// <summary>Notes that the executor gave a run up that was recovered after <paramref name="failuresBefore"/> failures in a row.</summary>
    public void NoteCancelled(SagaId sagaId, AdoptGeneration generation, int failuresBefore, long pass, DateTimeOffset now) => NoteFailure(
        sagaId, name: "", generation, "the executor gave its run up", Math.Max(FailuresOf(sagaId, generation), failuresBefore) + 1, pass, since: now, now);

    public void NoteUnknownDefinition(Candidate candidate, string missing, long pass, DateTimeOffset since) => _entries[candidate.SagaId] = new Entry
    {
        Kind = WaitingKind.UnknownDefinition,
        Since = SinceOf(candidate.SagaId) ?? since,
        Name = candidate.Name,
        Generation = candidate.Generation,
        Why = missing,
        ListedInPass = pass,
    };

    /// <summary>What failed before keeps its name and its failures.</summary>
    public void NoteUnreadable(UnreadableCandidate unreadable, long pass, DateTimeOffset since)
    {
        ref Entry entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_entries, unreadable.SagaId, out bool known);
        entry = entry with { Kind = WaitingKind.Unreadable, Since = known ? entry.Since : since, Name = known ? entry.Name : "", Why = unreadable.Error, ListedInPass = pass };
    }

    /// <summary>Notes that the listing of this pass held the saga, and its name, which a failure between passes did not know.</summary>
    public void MarkListed(Candidate candidate, long pass)
    {
        if (_entries.Count == 0)
        {
            return; // as a rule nothing waits: this saves a look-up for each saga listed
        }

        ref Entry entry = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, candidate.SagaId);
        if (!Unsafe.IsNullRef(ref entry))
        {
            entry.ListedInPass = pass;
            entry.Name = candidate.Name;
        }
    }

    /// <summary>Forgets what the listing of this pass did not hold: it is finished, or no longer ours.</summary>
    public void ForgetNotListed(long pass)
    {
        foreach ((SagaId sagaId, Entry entry) in _entries)
        {
            if (entry.ListedInPass != pass)
            {
                _entries.Remove(sagaId); // removing while enumerating is allowed for Dictionary
            }
        }
    }

    /// <summary>Whether a saga that failed at this generation is not due yet.</summary>
    public bool IsBackingOff(Candidate candidate, DateTimeOffset now, out DateTimeOffset nextTry)
    {
        nextTry = default;
        if (!_entries.TryGetValue(candidate.SagaId, out Entry entry) || entry.Generation != candidate.Generation || entry.NextTry is not { } due)
        {
            return false;
        }

        nextTry = due;
        return now < due;
    }

    /// <summary>Lets a saga that is backing off be tried by the next pass.</summary>
    public bool MakeDue(SagaId sagaId, DateTimeOffset now)
    {
        ref Entry entry = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, sagaId);
        if (Unsafe.IsNullRef(ref entry) || entry.NextTry is null)
        {
            return false;
        }

        entry.NextTry = now;
        return true;
    }

    private static WaitingSaga Describe(SagaId sagaId, Entry entry) =>
        new(sagaId, entry.Name, entry.Kind, entry.Since, entry.Failures, entry.NextTry, entry.Why);

    private int FailuresOf(SagaId sagaId, AdoptGeneration generation) =>
        _entries.TryGetValue(sagaId, out Entry entry) && entry.Generation == generation ? entry.Failures : 0;

    private void NoteFailure(
        SagaId sagaId, string name, AdoptGeneration generation, string error, int failures, long pass, DateTimeOffset since, DateTimeOffset now)
    {
        ref Entry entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_entries, sagaId, out bool known);
        if (entry.Generation > generation)
        {
            return; // a late word on a run that is history: what failed since counts
        }

        entry = new Entry
        {
            Since = known ? entry.Since : since,
            Name = name,
            Generation = generation,
            Failures = failures,
            NextTry = backoff.NextTry(sagaId, failures, now),
            Why = error,
            ListedInPass = pass,
        };
    }

    internal struct Entry
    {
        public DateTimeOffset Since; // when it was first found not to run
        public WaitingKind Kind;
        public string Name;
        public AdoptGeneration Generation;
        public int Failures;
        public DateTimeOffset? NextTry; // null: tried at every pass
        public string Why;
        public long ListedInPass;
    }
}
