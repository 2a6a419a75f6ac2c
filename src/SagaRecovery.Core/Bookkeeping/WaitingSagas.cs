using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>The sagas of this coordinator that a pass has listed and that do not run.</summary>
/// <remarks>They failed, their definition is unknown, or their row could not be read. Not thread-safe.</remarks>
internal sealed class WaitingSagas(BackoffPolicy backoff, DefinitionBackoff definitions)
{
    private readonly Dictionary<SagaId, Entry> _entries = [];

    /// <summary>Returns those that do not wait for a slot.</summary>
    public List<WaitingSaga> Except(SlotQueue slots) =>
        [.. _entries.Where(pair => !slots.Contains(pair.Key)).Select(pair => Describe(pair.Key, pair.Value))];

    /// <summary>Returns the earliest time since which one that does not wait for a slot has not been running; null if there is none.</summary>
    public DateTimeOffset? EarliestSinceExcept(SlotQueue slots) =>
        _entries.Where(pair => !slots.Contains(pair.Key)).Min(pair => (DateTimeOffset?)pair.Value.Since);

    /// <summary>Returns the unknown definitions, with the number of sagas of each. Sagas of a definition that has become known since wait for a slot.</summary>
    public List<UnknownDefinitionSagas> UnknownDefinitions(SlotQueue slots)
    {
        var counts = new Dictionary<(DefinitionKey?, string), UnknownDefinitionSagas>();
        foreach ((SagaId sagaId, Entry entry) in _entries)
        {
            if (entry.Kind == WaitingKind.UnknownDefinition && !(definitions.IsKnown(entry.Definition) && slots.Contains(sagaId)))
            {
                ref UnknownDefinitionSagas count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, (entry.Definition, entry.Name), out _);
                count = new UnknownDefinitionSagas(entry.Name, entry.Definition, count.Sagas + 1, UnknownDefinitionOf(entry)?.Reason ?? entry.Reason);
            }
        }

        return [.. counts.Values];
    }

    public int Count => _entries.Count;

    public WaitingSaga? Find(SagaId sagaId) => _entries.TryGetValue(sagaId, out Entry entry) ? Describe(sagaId, entry) : null;

    /// <summary>Returns the time since which the saga has not been running; null if it does not wait.</summary>
    public DateTimeOffset? SinceOf(SagaId sagaId) => _entries.TryGetValue(sagaId, out Entry entry) ? entry.Since : null;

    public bool Contains(SagaId sagaId) => _entries.ContainsKey(sagaId);

    public bool IsUnknownDefinition(SagaId sagaId) => _entries.TryGetValue(sagaId, out Entry entry) && entry.Kind == WaitingKind.UnknownDefinition;

    public void Remove(SagaId sagaId) => _entries.Remove(sagaId);

    /// <summary>Removes a saga that runs here if its entry is of the given or an older generation.</summary>
    public void RemoveUpTo(SagaId sagaId, AdoptGeneration generation)
    {
        if (_entries.TryGetValue(sagaId, out Entry entry) && entry.Generation <= generation)
        {
            _entries.Remove(sagaId);
        }
    }

    /// <summary>Returns the number of consecutive failures at the listed generation.</summary>
    public int FailuresOf(Candidate candidate) => FailuresOf(candidate.SagaId, candidate.Generation);

    public void NoteFailure(Candidate candidate, string error, long pass, DateTimeOffset since, DateTimeOffset now) =>
        NoteFailure(candidate.SagaId, candidate.Name, candidate.Generation, error, FailuresOf(candidate) + 1, pass, since, now);

    /// <summary>Records the interruption of a run that had <paramref name="priorFailures"/> consecutive failures before it.</summary>
    public void NoteInterrupted(SagaId sagaId, AdoptGeneration generation, string reason, int priorFailures, long pass, DateTimeOffset now)
    {
        int failures = Math.Max(FailuresOf(sagaId, generation), priorFailures) + 1;
        NoteFailure(sagaId, name: "", generation, reason, failures, pass, since: now, now);
    }

    /// <summary>Records the answer that a definition is unknown. The saga backs off with its definition, or by itself if the answer is about it alone.</summary>
    public void NoteUnknownDefinition(Candidate candidate, string missing, ResumeBasis basis, DateTimeOffset since)
    {
        int failures = FailuresOf(candidate) + 1;
        _entries[candidate.SagaId] = new Entry
        {
            Kind = WaitingKind.UnknownDefinition,
            Since = SinceOf(candidate.SagaId) ?? since,
            Name = candidate.Name,
            Generation = candidate.Generation,
            Failures = failures,
            Definition = candidate.Definition,
            // by definition and pass, so that the sagas of a definition are due together
            NextTry = definitions.Find(candidate.Definition) is null
                ? backoff.NextTry(candidate.Definition?.Hash ?? candidate.Name, failures, basis.StartedAt)
                : null,
            Reason = missing,
            ListedInPass = basis.Pass,
        };
    }

    /// <summary>Records a saga that was not tried because its definition is unknown. If the definition is known since, the saga is due.</summary>
    public void NoteWithheld(Candidate candidate, long pass, DateTimeOffset since, DateTimeOffset now)
    {
        ref Entry entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_entries, candidate.SagaId, out bool known);
        DefinitionBackoff.Entry? unknown = definitions.Find(candidate.Definition);
        entry = entry with
        {
            Kind = WaitingKind.UnknownDefinition,
            Since = known ? entry.Since : since,
            Name = candidate.Name,
            Generation = candidate.Generation,
            Definition = candidate.Definition,
            NextTry = unknown is null ? entry.NextTry ?? now : null,
            Reason = unknown?.Reason ?? entry.Reason ?? "its definition was unknown",
            ListedInPass = pass,
        };
    }

    /// <summary>Records a saga whose row could not be read. A saga that failed before keeps its name and its number of failures.</summary>
    public void NoteUnreadable(UnreadableCandidate unreadable, long pass, DateTimeOffset since)
    {
        ref Entry entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_entries, unreadable.SagaId, out bool known);
        entry = entry with
        {
            Kind = WaitingKind.Unreadable,
            Since = known ? entry.Since : since,
            Name = known ? entry.Name : "",
            Reason = unreadable.Error,
            ListedInPass = pass,
        };
    }

    /// <summary>Records that the listing of this pass holds the saga. Sets its name, which is not known for an interruption between passes.</summary>
    public void MarkListed(Candidate candidate, long pass)
    {
        if (_entries.Count == 0)
        {
            return; // the common case: saves a lookup for each listed saga
        }

        ref Entry entry = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, candidate.SagaId);
        if (!Unsafe.IsNullRef(ref entry))
        {
            entry.ListedInPass = pass;
            entry.Name = candidate.Name;
        }
    }

    /// <summary>Removes the sagas that the listing of this pass does not hold: finished, or no longer owned by this coordinator.</summary>
    public void ForgetNotListed(long pass)
    {
        foreach ((SagaId sagaId, Entry entry) in _entries)
        {
            if (entry.ListedInPass != pass)
            {
                _entries.Remove(sagaId); // Dictionary allows removal during enumeration
            }
        }
    }

    /// <summary>Returns true if the definition of the saga was unknown and the saga itself is due, even if its definition is not.</summary>
    public bool IsDueByItself(Candidate candidate, DateTimeOffset now) =>
        _entries.TryGetValue(candidate.SagaId, out Entry entry) && entry is { Kind: WaitingKind.UnknownDefinition, NextTry: { } due } && due <= now;

    /// <summary>Returns true if the saga failed at this generation, or its definition was unknown, and it is not due yet.</summary>
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

    /// <summary>Makes a saga in backoff due, so that the next pass attempts it.</summary>
    /// <returns>True if the saga was in backoff.</returns>
    public bool MakeDue(SagaId sagaId, DateTimeOffset now)
    {
        ref Entry entry = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, sagaId);
        if (Unsafe.IsNullRef(ref entry) || (entry.NextTry is null && entry.Kind != WaitingKind.UnknownDefinition))
        {
            return false;
        }

        entry.NextTry = now;
        return true;
    }

    private WaitingSaga Describe(SagaId sagaId, Entry entry) => UnknownDefinitionOf(entry) is { } unknown
        ? new(sagaId, entry.Name, entry.Kind, entry.Since, unknown.Failures, entry.NextTry ?? unknown.NextTry, unknown.Reason)
        : new(sagaId, entry.Name, entry.Kind, entry.Since, entry.Failures, entry.NextTry, entry.Reason);

    private DefinitionBackoff.Entry? UnknownDefinitionOf(Entry entry) =>
        entry.Kind == WaitingKind.UnknownDefinition ? definitions.Find(entry.Definition) : null;

    private int FailuresOf(SagaId sagaId, AdoptGeneration generation) =>
        _entries.TryGetValue(sagaId, out Entry entry) && entry.Generation == generation ? entry.Failures : 0;

    private void NoteFailure(
        SagaId sagaId, string name, AdoptGeneration generation, string error, int failures, long pass, DateTimeOffset since, DateTimeOffset now)
    {
        ref Entry entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_entries, sagaId, out bool known);
        if (entry.Generation > generation)
        {
            return; // a late report of an older run: the failure of the newer run counts
        }

        entry = new Entry
        {
            Since = known ? entry.Since : since,
            Name = name,
            Generation = generation,
            Failures = failures,
            NextTry = backoff.NextTry(sagaId, failures, now),
            Reason = error,
            ListedInPass = pass,
        };
    }

    internal struct Entry
    {
        public DateTimeOffset Since; // the time since which it has not been running
        public WaitingKind Kind;
        public string Name;
        public AdoptGeneration Generation;
        public int Failures;
        public DateTimeOffset? NextTry; // null: every pass attempts it
        public string Reason;
        public long ListedInPass;
        public DefinitionKey? Definition; // of a saga whose definition is unknown
    }
}
