using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>The sagas of this coordinator that a pass has listed and that do not run.</summary>
/// <remarks>They failed, their definition is unknown, or their row could not be read. Not thread-safe.</remarks>
internal sealed class WaitingSagas(BackoffPolicy backoff)
{
    private readonly Dictionary<SagaId, Entry> _entries = [];

    /// <summary>Returns those that do not wait for a slot.</summary>
    public List<WaitingSaga> Except(SlotQueue slots) =>
        [.. _entries.Where(pair => !slots.Contains(pair.Key)).Select(pair => Describe(pair.Key, pair.Value))];

    /// <summary>Returns the earliest time since which one that does not wait for a slot has not been running; null if there is none.</summary>
    public DateTimeOffset? EarliestSinceExcept(SlotQueue slots) =>
        _entries.Where(pair => !slots.Contains(pair.Key)).Min(pair => (DateTimeOffset?)pair.Value.Since);

    public WaitingSaga? Find(SagaId sagaId) => _entries.TryGetValue(sagaId, out Entry entry) ? Describe(sagaId, entry) : null;

    /// <summary>Returns the time since which the saga has not been running; null if it does not wait.</summary>
    public DateTimeOffset? SinceOf(SagaId sagaId) => _entries.TryGetValue(sagaId, out Entry entry) ? entry.Since : null;

    public bool Contains(SagaId sagaId) => _entries.ContainsKey(sagaId);

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
    public void NoteInterrupted(SagaId sagaId, AdoptGeneration generation, string? reason, int priorFailures, long pass, DateTimeOffset now)
    {
        int failures = Math.Max(FailuresOf(sagaId, generation), priorFailures) + 1;
        NoteFailure(sagaId, name: "", generation, reason ?? "the executor interrupted its run", failures, pass, since: now, now);
    }

    public void NoteUnknownDefinition(Candidate candidate, string missing, long pass, DateTimeOffset since) => _entries[candidate.SagaId] = new Entry
    {
        Kind = WaitingKind.UnknownDefinition,
        Since = SinceOf(candidate.SagaId) ?? since,
        Name = candidate.Name,
        Generation = candidate.Generation,
        Reason = missing,
        ListedInPass = pass,
    };

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

    /// <summary>Returns true if the saga failed at this generation and is not due yet.</summary>
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
        if (Unsafe.IsNullRef(ref entry) || entry.NextTry is null)
        {
            return false;
        }

        entry.NextTry = now;
        return true;
    }

    private static WaitingSaga Describe(SagaId sagaId, Entry entry) =>
        new(sagaId, entry.Name, entry.Kind, entry.Since, entry.Failures, entry.NextTry, entry.Reason);

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
    }
}
