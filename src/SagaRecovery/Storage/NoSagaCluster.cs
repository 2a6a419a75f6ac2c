using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The cluster of a store that does not implement <see cref="ISagaCluster"/>. Every call throws.</summary>
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
        $"The registered saga store does not support reassigning sagas. Implement {nameof(ISagaCluster)} in the store passed to UseStore<T>().");
}
