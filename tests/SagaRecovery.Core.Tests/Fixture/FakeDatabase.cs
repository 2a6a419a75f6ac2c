using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;

namespace SagaRecovery.Core.Tests.Fixture;

internal enum RowState
{
    InProgress,
    Done,
    Abandoned,
}

internal sealed record SagaRow(RowState State, bool Ours, AdoptGeneration Generation, bool Readable = true, DefinitionKey? Definition = null);

/// <summary>The rows as the one database holds them, outliving every process: the truth that tests compare the bookkeeping with.</summary>
internal sealed class FakeDatabase
{
    private readonly SortedDictionary<SagaId, SagaRow> _rows = [];

    public IEnumerable<SagaId> Sagas => _rows.Keys;

    /// <summary>The sagas in progress and ours: the content of a listing.</summary>
    public IEnumerable<KeyValuePair<SagaId, SagaRow>> Candidates => _rows.Where(row => IsCandidate(row.Value));

    public SagaRow? Find(SagaId sagaId) => _rows.GetValueOrDefault(sagaId);

    /// <summary>A saga that an earlier process left in progress.</summary>
    public void LeftBehind(SagaId sagaId, long generation = 1, DefinitionKey? definition = null) =>
        _rows.Add(sagaId, new SagaRow(RowState.InProgress, Ours: true, new AdoptGeneration(generation), Definition: definition));

    /// <summary>A new saga's row: refused where the id is taken.</summary>
    public bool TryInsert(SagaId sagaId) =>
        _rows.TryAdd(sagaId, new SagaRow(RowState.InProgress, Ours: true, AdoptGeneration.Initial, Definition: DefinitionOfStarts));

    /// <summary>The definition of new sagas.</summary>
    public DefinitionKey? DefinitionOfStarts { get; set; }

    public void Finish(SagaId sagaId) => _rows[sagaId] = _rows[sagaId] with { State = RowState.Done };

    public void Abandon(SagaId sagaId) => _rows[sagaId] = _rows[sagaId] with { State = RowState.Abandoned };

    public void SetReadable(SagaId sagaId, bool readable) => _rows[sagaId] = _rows[sagaId] with { Readable = readable };

    /// <summary>Reassigns the saga to another coordinator.</summary>
    public void ReassignToOther(SagaId sagaId) => Reassign(sagaId, ours: false);

    /// <summary>Reassigns the saga (back) to us.</summary>
    public void ReassignBack(SagaId sagaId) => Reassign(sagaId, ours: true);

    public void Reassign(SagaId sagaId, bool ours) =>
        _rows[sagaId] = _rows[sagaId] with { Ours = ours, Generation = _rows[sagaId].Generation.Next };

    /// <summary>Indicates whether a run at that generation may write: in progress, ours, and of that generation.</summary>
    public bool IsOursAt(SagaId sagaId, AdoptGeneration generation) =>
        Find(sagaId) is { } row && IsCandidate(row) && row.Generation == generation;

    public void List(CandidateListing listing)
    {
        foreach ((SagaId sagaId, SagaRow row) in Candidates)
        {
            if (row.Readable)
            {
                listing.Add(new Candidate(sagaId, "provision", row.Generation) { Definition = row.Definition });
            }
            else
            {
                listing.AddUnreadable(sagaId, "state 'sideways' is unknown");
            }
        }
    }

    private static bool IsCandidate(SagaRow row) => row is { State: RowState.InProgress, Ours: true };
}
