using System.Collections.Concurrent;

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

    /// <summary>Notes the first join of a process, and the joins that the database says came before it.</summary>
    public void Note(JoinToken join, IEnumerable<Guid> predecessors) => Add(Known(join), predecessors);

    /// <summary>
    /// Notes that this process is about to join again in place of a join that was lost: if the answer is lost as well, it knows its own
    /// token when it meets it. What is still under way with an older join of this process is told of a loss, not of a successor.
    /// </summary>
    public void NoteAttempt(JoinToken lost, JoinToken next) => Add(_known[next] = Known(lost), [next.Value]);

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
