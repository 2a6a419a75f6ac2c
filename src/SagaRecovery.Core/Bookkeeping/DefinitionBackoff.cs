using System.Diagnostics.CodeAnalysis;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>The definitions that the executor does not know, and the time of the next attempt for each.</summary>
/// <remarks>
/// <para>
/// A definition is unknown if the executor reports its definitions without this one, or if it has answered so for a saga. Then one saga is
/// loaded for all sagas of the definition, when the definition is due or a pass is explicit. The others are withheld.
/// </para>
/// <para>
/// The one saga is loaded in any case, because only its definition and the executor can tell that the stored definition is corrupt. A
/// definition of which one saga was not unknown is never withheld again while its sagas are listed: the answers depend on more than the
/// definition. Not thread-safe.
/// </para>
/// </remarks>
internal sealed class DefinitionBackoff(BackoffPolicy backoff)
{
    private readonly Dictionary<DefinitionKey, Entry> _unknown = [];
    private readonly HashSet<DefinitionKey> _known = []; // one of their sagas was resumed, or at least not unknown
    private bool _anyUnknown; // in the last plan: saves a lookup for each saga that waits for a slot
    private bool _foundUnknown; // by an answer
    private IReadOnlyDictionary<DefinitionKey, ListedDefinition> _listed = new Dictionary<DefinitionKey, ListedDefinition>(); // in the last plan

    /// <summary>Begins a plan, and forgets the definitions that its listing does not hold.</summary>
    public void BeginPlan(CandidateListing listing)
    {
        _listed = listing.Definitions;
        _known.RemoveWhere(definition => !_listed.ContainsKey(definition));
        foreach (DefinitionKey definition in _unknown.Keys.Where(definition => !_listed.ContainsKey(definition)))
        {
            _unknown.Remove(definition); // Dictionary allows removal during enumeration
        }

        _anyUnknown = _unknown.Count > 0 || _listed.Values.Any(listed => listed.Support == DefinitionSupport.Missing);
    }

    /// <summary>Returns true if the definition of a saga of the last plan is unknown. Such a saga never waits for a slot: it is tried, or withheld.</summary>
    public bool IsUnknown(Candidate candidate) => _anyUnknown && (Find(candidate.Definition) is not null || IsMissing(candidate.Definition));

    /// <summary>Returns true once after an answer has shown that a definition is unknown, for its sagas that wait for a slot.</summary>
    public bool TakeFoundUnknown()
    {
        bool found = _foundUnknown;
        _foundUnknown = false;
        return found;
    }

    /// <summary>Returns true if a saga of the definition was not unknown when it was tried.</summary>
    public bool IsKnown(DefinitionKey? definition) => definition is not null && _known.Contains(definition);

    /// <summary>Returns the state of an unknown definition; null if the definition is not unknown, or not reported by the store.</summary>
    public Entry? Find(DefinitionKey? definition) =>
        definition is not null && _unknown.Count > 0 ? _unknown.GetValueOrDefault(definition) : null;

    /// <summary>Returns true if the executor reports its definitions without this one, and has not contradicted itself since.</summary>
    public bool IsMissing(DefinitionKey? definition) =>
        definition is not null && SupportOf(definition) == DefinitionSupport.Missing && !_known.Contains(definition);

    /// <summary>Decides whether a listed saga is withheld, and selects the saga that is tried for the others.</summary>
    public bool Withholds(Candidate candidate, PassStart pass, DateTimeOffset now)
    {
        if (candidate.Definition is not { } definition || Find(definition) is not { } entry && !TryAddMissing(candidate, out entry))
        {
            return false;
        }

        bool isDue = pass.Reason == PassReason.Explicit || !(entry.NextTry > now);
        if (isDue && entry.TriedInPass != pass.Iteration)
        {
            entry.TriedInPass = pass.Iteration;
            return false;
        }

        return true;
    }

    /// <summary>Records that the crash guard has deferred a saga. If it was to be tried for others, any later pass tries again.</summary>
    public void NoteDeferred(Candidate candidate, PassStart pass)
    {
        if (Find(candidate.Definition) is { } entry && entry.TriedInPass == pass.Iteration)
        {
            entry.NextTry = null;
        }
    }

    /// <summary>Applies the result of one saga to its definition. Must precede the use of <see cref="Find"/> for the other sagas of the pass.</summary>
    /// <param name="candidate">The saga.</param>
    /// <param name="result">Its result.</param>
    /// <param name="pass">The pass, or the last pass before the refill.</param>
    /// <param name="now">The time of the result.</param>
    public void NoteResult(Candidate candidate, ResumeResult result, long pass, DateTimeOffset now)
    {
        if (candidate.Definition is not { } definition)
        {
            return;
        }

        Entry? entry = Find(definition);
        switch (result)
        {
            case ResumeResult.UnknownDefinition unknown when !_known.Contains(definition) && SupportOf(definition) != DefinitionSupport.Reported:
                _foundUnknown |= entry is null;
                entry ??= Add(definition, unknown.Missing);
                NoteFailure(entry, unknown.Missing);
                break;
            case ResumeResult.UnknownDefinition:
                break; // about this saga alone
            case ResumeResult.Failed failed when entry?.TriedInPass == pass:
                NoteFailure(entry, failed.Error); // no answer about the definition, but no reason to try each of the others either
                break;
            case ResumeResult.Failed:
                break;
            case ResumeResult.Superseded:
                if (entry is not null)
                {
                    entry.NextTry = now; // another saga must be tried
                }

                break;
            default:
                if (entry is not null || SupportOf(definition) != DefinitionSupport.Reported)
                {
                    _known.Add(definition);
                    _unknown.Remove(definition);
                }

                break;
        }

        void NoteFailure(Entry failed, string reason)
        {
            if (failed.FailedInPass != pass)
            {
                failed.FailedInPass = pass;
                failed.Failures++;
                failed.NextTry = backoff.NextTry(definition.Hash, failed.Failures, now);
            }

            failed.Reason = reason;
        }
    }

    private DefinitionSupport SupportOf(DefinitionKey definition) => _listed.GetValueOrDefault(definition).Support;

    private bool TryAddMissing(Candidate candidate, [NotNullWhen(true)] out Entry? entry)
    {
        entry = IsMissing(candidate.Definition)
            ? Add(candidate.Definition!, $"the executor does not report the definition '{candidate.Name}' ({candidate.Definition})")
            : null;
        return entry is not null;
    }

    private Entry Add(DefinitionKey definition, string reason)
    {
        var entry = new Entry { Reason = reason };
        _unknown.Add(definition, entry);
        return entry;
    }

    /// <summary>The state of one unknown definition.</summary>
    internal sealed class Entry
    {
        public int Failures { get; set; }

        /// <summary>The time of the next attempt; null if every pass attempts it.</summary>
        public DateTimeOffset? NextTry { get; set; }

        public required string Reason { get; set; }

        public long TriedInPass { get; set; }

        public long FailedInPass { get; set; }
    }
}
