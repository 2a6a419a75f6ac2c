using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Hosting;
using SagaRecovery.Status;

namespace SagaRecovery.Tests.Support;

/// <summary>Keeps nothing, and lets a test say what is heard, and when the line breaks.</summary>
internal sealed class ScriptedControls : ISagaControls
{
    private readonly NoSagaControls _none = new();
    private TaskCompletionSource _line = new();

    /// <summary>How often the line was made.</summary>
    public int Lines { get; private set; }

    /// <summary>How often sagas that stand still were looked for.</summary>
    public int Looks { get; private set; }

    /// <summary>The number of the last assignment, as it is heard when the line is made.</summary>
    public long Assigned { get; set; }

    /// <summary>The number of the last assignment, as passes read it.</summary>
    public long AssignedAsRead { get; set; }

    public Func<Task> BeforeLine { get; set; } = () => Task.CompletedTask;

    public List<(long Assignment, int NotRunning)> CaughtUp { get; } = [];

    private Action<CoordinatorNews> Heard { get; set; } = _ => { };

    public void Hint() => Heard(CoordinatorNews.Hint.Instance);

    public void BreakLine() => _line.SetException(new IOException("broken"));

    public async Task StayInTouchAsync(
        Membership member, CoordinatorProfile profile, TimeSpan period, Action<CoordinatorNews> heard, CancellationToken cancellationToken)
    {
        await BeforeLine();
        (_line, Heard) = (new TaskCompletionSource(), heard);
        Lines++;
        heard(new CoordinatorNews.Listening(Assigned));
        await _line.Task.WaitAsync(cancellationToken);
    }

    public Task NoteCaughtUpAsync(Membership member, long assignment, int notRunning, CancellationToken cancellationToken)
    {
        CaughtUp.Add((assignment, notRunning));
        return Task.CompletedTask;
    }

    public Task<RecoveryControls> ReadControlsAsync(Membership member, CancellationToken cancellationToken) =>
        Task.FromResult(new RecoveryControls { Assigned = AssignedAsRead, CaughtUp = CaughtUp.Select(one => one.Assignment).LastOrDefault() });

    public Task<Inheritance> InheritAsync(Membership member, CancellationToken cancellationToken) => _none.InheritAsync(member, cancellationToken);

    public Task NoteInHandAsync(Membership member, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task AcquitAsync(Membership member, TimeSpan probation, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task LeaveAsync(Membership member, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<StillSagas> FindNotProgressingAsync(Membership member, ProgressPatience patience, CancellationToken cancellationToken)
    {
        Looks++;
        return _none.FindNotProgressingAsync(member, patience, cancellationToken);
    }
}
