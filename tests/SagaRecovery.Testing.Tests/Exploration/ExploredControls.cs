using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>The requests to cancel, read from the database, and no others.</summary>
internal sealed class ExploredControls(InMemorySagaStore database) : ISagaControls
{
    private readonly NoSagaControls _none = new();

    /// <summary>The sagas whose cancellation the pass under way has read.</summary>
    public IReadOnlyList<SagaId> Cancelled { get; private set; } = [];

    public void Forget() => Cancelled = [];

    public Task<RecoveryControls> ReadControlsAsync(Membership member, CancellationToken cancellationToken)
    {
        List<(SagaId, SagaCancellation)> cancelled =
        [
            .. from row in database.Sagas
               where row.Owner == member.Coordinator && row is { State: SagaState.Running, Cancellation: not null }
               select (row.Id, row.Cancellation),
        ];
        Cancelled = [.. cancelled.Select(saga => saga.Item1)];
        return Task.FromResult(RecoveryControls.None with { Cancelled = cancelled });
    }

    public Task<PreviousIncarnation> ReadPreviousIncarnationAsync(Membership member, CancellationToken cancellationToken) =>
        _none.ReadPreviousIncarnationAsync(member, cancellationToken);

    public Task RecordInFlightAsync(Membership member, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken) =>
        _none.RecordInFlightAsync(member, sagas, cancellationToken);

    public Task ClearSuspectsAsync(Membership member, TimeSpan probation, CancellationToken cancellationToken) =>
        _none.ClearSuspectsAsync(member, probation, cancellationToken);

    public Task RunHeartbeatAsync(
        Membership member, CoordinatorProfile profile, TimeSpan period, Action<CoordinatorNotification> onNotification, CancellationToken cancellationToken) =>
        _none.RunHeartbeatAsync(member, profile, period, onNotification, cancellationToken);

    public Task ReportCaughtUpAsync(Membership member, long assignment, int notRunning, CancellationToken cancellationToken) =>
        _none.ReportCaughtUpAsync(member, assignment, notRunning, cancellationToken);

    public Task ReportShutdownAsync(Membership member, CancellationToken cancellationToken) => _none.ReportShutdownAsync(member, cancellationToken);

    public Task<StalledSagas> FindStalledAsync(
        Membership member,
        StalledThresholds patience,
        IReadOnlyCollection<SagaId>? among,
        IReadOnlyCollection<SagaId> except,
        CancellationToken cancellationToken) =>
        _none.FindStalledAsync(member, patience, among, except, cancellationToken);
}
