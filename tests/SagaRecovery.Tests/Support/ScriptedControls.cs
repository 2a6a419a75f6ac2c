using SagaRecovery.Bookkeeping;
using SagaRecovery.Hosting;
using SagaRecovery.Status;

namespace SagaRecovery.Tests.Support;

/// <summary>Keeps nothing, and counts the signs of life.</summary>
internal sealed class ScriptedControls : ISagaControls
{
    private readonly NoSagaControls _none = new();

    public int Beats { get; private set; }

    public Func<Task> BeforeBeat { get; set; } = () => Task.CompletedTask;

    public async Task BeatAsync(Membership member, CancellationToken cancellationToken)
    {
        Beats++;
        await BeforeBeat();
    }

    public Task<RecoveryControls> ReadControlsAsync(Membership member, CancellationToken cancellationToken) =>
        _none.ReadControlsAsync(member, cancellationToken);

    public Task<Inheritance> InheritAsync(Membership member, CancellationToken cancellationToken) => _none.InheritAsync(member, cancellationToken);

    public Task NoteInHandAsync(Membership member, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task AcquitAsync(Membership member, TimeSpan probation, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task LeaveAsync(Membership member, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<StillSagas> FindNotProgressingAsync(Membership member, ProgressPatience patience, CancellationToken cancellationToken) =>
        _none.FindNotProgressingAsync(member, patience, cancellationToken);
}
