using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The controls of a store that does not implement <see cref="ISagaControls"/>: no holds, pauses, suspects or heartbeats.</summary>
internal sealed class NoSagaControls : ISagaControls
{
    public Task<RecoveryControls> ReadControlsAsync(Membership member, CancellationToken cancellationToken) =>
        Task.FromResult(RecoveryControls.None);

    public Task<PreviousIncarnation> ReadPreviousIncarnationAsync(Membership member, CancellationToken cancellationToken) =>
        Task.FromResult(new PreviousIncarnation(Process: null, Suspects: []));

    public Task RecordInFlightAsync(Membership member, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task ClearSuspectsAsync(Membership member, TimeSpan probation, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task RunHeartbeatAsync(
        Membership member, CoordinatorProfile profile, TimeSpan period, Action<CoordinatorNotification> onNotification, CancellationToken cancellationToken) =>
        Task.CompletedTask;

    public Task ReportCaughtUpAsync(Membership member, long assignment, int notRunning, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task ReportShutdownAsync(Membership member, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<StalledSagas> FindStalledAsync(
        Membership member,
        StalledThresholds patience,
        IReadOnlyCollection<SagaId>? among,
        IReadOnlyCollection<SagaId> except,
        CancellationToken cancellationToken) =>
        Task.FromResult(new StalledSagas(DateTimeOffset.MinValue, 0, []));
}
