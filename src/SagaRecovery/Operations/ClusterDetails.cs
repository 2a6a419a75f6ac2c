using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>Who owns the unfinished sagas of the whole store, and which of them nobody is going to run as things are.</summary>
/// <param name="At">When somebody looked.</param>
/// <param name="Orphans">Those whose owner is no known coordinator, or that nobody owns.</param>
/// <param name="OwnerDown">Those whose owner is known and does not answer.</param>
/// <param name="Owners">By owner.</param>
public sealed record ClusterDetails(DateTimeOffset At, UnownedSagas Orphans, UnownedSagas OwnerDown, IReadOnlyList<OwnedSagas> Owners)
{
    /// <summary>Sums up what was counted.</summary>
    public static ClusterDetails Of(IReadOnlyList<OwnedSagas> owners, DateTimeOffset at)
    {
        return new(at, Sum(owners.Where(sagas => !sagas.IsKnown)), Sum(owners.Where(sagas => sagas is { IsKnown: true, Answers: false })), owners);

        static UnownedSagas Sum(IEnumerable<OwnedSagas> sagas) => new(sagas.Sum(some => some.Count ?? 0), sagas.Min(some => some.Oldest));
    }

    /// <summary>What of it stands in the status.</summary>
    public ClusterReport ToReport() => new(At, Orphans, OwnerDown);
}
