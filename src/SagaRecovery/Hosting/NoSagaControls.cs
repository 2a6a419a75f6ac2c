using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>For stores that keep nothing beside the sagas: no holds, no pause, no suspects, no signs of life.</summary>
internal sealed class NoSagaControls : ISagaControls
{
    public Task<RecoveryControls> ReadControlsAsync(Membership member, CancellationToken cancellationToken) =>
        Task.FromResult(RecoveryControls.None);

    public Task<Inheritance> InheritAsync(Membership member, CancellationToken cancellationToken) =>
        Task.FromResult(new Inheritance(Previous: null, Suspects: []));

    public Task NoteInHandAsync(Membership member, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task AcquitAsync(Membership member, TimeSpan probation, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StayInTouchAsync(
        Membership member, CoordinatorProfile profile, TimeSpan period, Action<CoordinatorNews> heard, CancellationToken cancellationToken) =>
        Task.CompletedTask;

    public Task NoteCaughtUpAsync(Membership member, long assignment, int notRunning, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task LeaveAsync(Membership member, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<StillSagas> FindNotProgressingAsync(Membership member, ProgressPatience patience, CancellationToken cancellationToken) =>
        Task.FromResult(new StillSagas(DateTimeOffset.MinValue, 0, []));
}
