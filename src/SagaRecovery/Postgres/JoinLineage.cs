using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace SagaRecovery.Postgres;

/// <summary>
/// The joins that came before those of this process. A row that names one of them has gone back in time: nobody else has joined since. A
/// row that names any other join tells of a successor. Tokens are compared, never numbers, times or time lines: those can be given twice,
/// or be the same after a restore. Thread-safe.
/// </summary>
internal sealed class JoinLineage
{
    private readonly ConcurrentDictionary<JoinToken, ImmutableHashSet<Guid>> _known = new();

    /// <summary>Notes a join of this process, and the joins that the database says came before it.</summary>
    public void Note(JoinToken join, IEnumerable<Guid> predecessors) => _known[join] = [join.Value, .. predecessors];

    /// <summary>
    /// Notes that this process is about to join again in place of a join that was lost: if the answer is lost as well, it knows its own
    /// token when it meets it.
    /// </summary>
    public void NoteAttempt(JoinToken lost, JoinToken next) => _known[lost] = Of(lost).Add(next.Value);

    /// <summary>Notes a join that took the place of one that was lost.</summary>
    public void NoteSuccession(JoinToken lost, JoinToken next, IEnumerable<Guid> predecessors) =>
        _known[next] = Of(lost).Union(predecessors).Add(next.Value);

    /// <summary>A join and all that came before it.</summary>
    public ImmutableHashSet<Guid> Of(JoinToken join) => _known.GetValueOrDefault(join) ?? [join.Value];
}
