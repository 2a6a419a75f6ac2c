using System.Collections.Concurrent;
using System.Security.Cryptography;
using SagaRecovery.Fencing;

namespace SagaRecovery.Postgres;

/// <summary>
/// The joins that came before those of this process. A row that names one of them has gone back in time: nobody else has joined since. A
/// row that names any other join tells of a successor. Tokens are compared, never numbers, times or time lines: those can be given twice,
/// or be the same after a restore. Thread-safe.
/// </summary>
internal sealed class JoinLineage
{
    /// <summary>By join: the joins of the same process, whichever of them came first, share one set.</summary>
    private readonly ConcurrentDictionary<JoinToken, ConcurrentDictionary<Guid, bool>> _known = new();
    private readonly ConcurrentDictionary<JoinToken, JoinToken> _next = new();

    /// <summary>A token that no other join has.</summary>
    public static JoinToken NewToken() => new(new Guid(RandomNumberGenerator.GetBytes(16)));

    /// <summary>Notes the first join of a process, and the joins that the database says came before it.</summary>
    public void Note(JoinToken join, IEnumerable<Guid> predecessors) => Add(Known(join), predecessors);

    /// <summary>
    /// The token with which this process joins again in place of a join that was lost, the same at each try: if an answer is lost as well, it
    /// knows its own token when it meets it. What is still under way with an older join of this process is told of a loss, not of a successor.
    /// </summary>
    public JoinToken NextOf(JoinToken lost)
    {
        JoinToken next = _next.GetOrAdd(lost, static _ => NewToken());
        Add(_known[next] = Known(lost), [next.Value]);
        return next;
    }

    /// <summary>Whether a join is one of this process or came before one of them.</summary>
    public bool Knows(JoinToken own, Guid join) => join == own.Value || (_known.TryGetValue(own, out ConcurrentDictionary<Guid, bool>? known) && known.ContainsKey(join));

    /// <summary>The joins of this process, and those before them.</summary>
    public Guid[] Of(JoinToken own) => [.. Known(own).Keys];

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
