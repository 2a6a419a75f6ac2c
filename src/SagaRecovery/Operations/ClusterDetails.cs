using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The owners of all unfinished sagas on the store, and the sagas that no process will run without intervention.</summary>
/// <param name="At">The time of the count.</param>
/// <param name="Orphans">The sagas that are unowned or whose owner has never joined.</param>
/// <param name="OwnerDown">The sagas whose owner is known and does not answer.</param>
/// <param name="Owners">The counts by owner.</param>
public sealed record ClusterDetails(DateTimeOffset At, UnownedSagas Orphans, UnownedSagas OwnerDown, IReadOnlyList<OwnedSagas> Owners)
{
    /// <summary>Sums up the counts of all owners.</summary>
    /// <param name="owners">The counts by owner.</param>
    /// <param name="at">The time of the count.</param>
    public static ClusterDetails Of(IReadOnlyList<OwnedSagas> owners, DateTimeOffset at)
    {
        return new(at, Sum(owners.Where(sagas => !sagas.IsKnown)), Sum(owners.Where(sagas => sagas is { IsKnown: true, Answers: false })), owners);

        static UnownedSagas Sum(IEnumerable<OwnedSagas> sagas) => new(sagas.Sum(owned => owned.Count ?? 0), sagas.Min(owned => owned.Oldest));
    }

    /// <summary>Returns the part that the status contains.</summary>
    public ClusterReport ToReport() => new(At, Orphans, OwnerDown);
}
