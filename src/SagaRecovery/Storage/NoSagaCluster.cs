using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>For stores whose coordinators see nothing of each other.</summary>
internal sealed class NoSagaCluster : ISagaCluster
{
    public Task<ClusterView> ReadViewAsync(CancellationToken cancellationToken) => throw NotSupported();

    public Task<IReadOnlyList<OwnedSagas>> CountUnfinishedAsync(CancellationToken cancellationToken) => throw NotSupported();

    public Task<ReassignOutcome> ReassignAsync(Reassignment reassignment, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    public Task<ReassignOutcome> TakeOverAsync(
        Membership by, CoordinatorObservation silent, IReadOnlyList<CoordinatorId> to, TimeSpan retryAfter, CancellationToken cancellationToken) =>
        throw NotSupported();

    public Task<IReadOnlyList<CaughtUp>> WaitUntilCaughtUpAsync(IReadOnlyCollection<Receipt> receipts, CancellationToken cancellationToken) =>
        throw NotSupported();

    public Task BeginDrainAsync(Membership member, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    private static NotSupportedException NotSupported() => new(
        $"The saga store in use does not move sagas from one coordinator to another: let it implement {nameof(ISagaCluster)}, too (AddSagaRecovery().UseStore<T>()).");
}
