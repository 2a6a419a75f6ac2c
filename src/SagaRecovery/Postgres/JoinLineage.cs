using System.Collections.Concurrent;
using System.Security.Cryptography;
using SagaRecovery.Fencing;

namespace SagaRecovery.Postgres;

/// <summary>
/// The joins of this process and their predecessors. A row that names one of them is from an earlier state of the database, and no other
/// process has joined since. A row that names any other join belongs to a successor. Only tokens are compared: numbers, times and time
/// lines can repeat after a restore. Thread-safe.
/// </summary>
internal sealed class JoinLineage
{
    /// <summary>The known joins, by join. All joins of one process share one set.</summary>
    private readonly ConcurrentDictionary<JoinToken, ConcurrentDictionary<Guid, bool>> _known = new();
    private readonly ConcurrentDictionary<JoinToken, JoinToken> _replacements = new();

    /// <summary>Creates a token that no other join has.</summary>
    public static JoinToken NewToken() => new(new Guid(RandomNumberGenerator.GetBytes(16)));

    /// <summary>Records a join of this process and the predecessors that the database returned for it.</summary>
    public void Record(JoinToken join, IEnumerable<Guid> predecessors) => Add(Known(join), predecessors);

    /// <summary>
    /// Returns the token with which this process replaces a lost join, the same at each attempt. If the answer to an attempt is lost, the
    /// process recognizes its own token in the row. A call in flight with an older join of this process then gets a loss, not a successor.
    /// </summary>
    public JoinToken GetReplacement(JoinToken lost)
    {
        JoinToken replacement = _replacements.GetOrAdd(lost, static _ => NewToken());
        Add(_known[replacement] = Known(lost), [replacement.Value]);
        return replacement;
    }

    /// <summary>Returns true if a join belongs to this process or precedes one that does.</summary>
    public bool Contains(JoinToken own, Guid join) =>
        join == own.Value || (_known.TryGetValue(own, out ConcurrentDictionary<Guid, bool>? known) && known.ContainsKey(join));

    /// <summary>Returns the joins of this process and their predecessors.</summary>
    public Guid[] GetAll(JoinToken own) => [.. Known(own).Keys];

    private static void Add(ConcurrentDictionary<Guid, bool> known, IEnumerable<Guid> joins)
    {
        foreach (Guid join in joins)
        {
            known.TryAdd(join, true);
        }
    }

    private ConcurrentDictionary<Guid, bool> Known(JoinToken own) =>
        _known.GetOrAdd(own, static join => new ConcurrentDictionary<Guid, bool>([new(join.Value, true)]));
}
