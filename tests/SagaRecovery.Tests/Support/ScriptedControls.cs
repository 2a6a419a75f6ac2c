using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Support;

/// <summary>Stores nothing; a test sends the notifications and breaks the listener connection.</summary>
internal sealed class ScriptedControls : ISagaControls
{
    private readonly NoSagaControls _none = new();
    private TaskCompletionSource _connection = new();

    /// <summary>The number of listener connections so far.</summary>
    public int Connections { get; private set; }

    /// <summary>The number of searches for stalled sagas.</summary>
    public int Observations { get; private set; }

    /// <summary>The number of the last assignment, as a new listener connection reports it.</summary>
    public long Assigned { get; set; }

    /// <summary>The number of the last assignment, as passes read it.</summary>
    public long AssignedAsRead { get; set; }

    /// <summary>The sagas without a recent event.</summary>
    public IReadOnlyList<SagaId> Stalled { get; set; } = [];

    /// <summary>The held sagas, as passes read them.</summary>
    public IReadOnlyList<HeldSaga> Held { get; set; } = [];

    /// <summary>The cancelled sagas, as passes read them.</summary>
    public IReadOnlyList<(SagaId SagaId, SagaCancellation Cancellation)> Cancelled { get; set; } = [];

    /// <summary>The pause, as passes read it.</summary>
    public RecoveryPause? Paused { get; set; }

    /// <summary>The suspects, as passes read them.</summary>
    public IReadOnlyList<Suspect> Suspects { get; set; } = [];

    /// <summary>The process before this one; null: there was none.</summary>
    public PreviousIncarnation? Previous { get; set; }

    /// <summary>The sagas in flight, one list for each record of a batch.</summary>
    public List<IReadOnlyList<SagaId>> InFlight { get; } = [];

    /// <summary>The probations after which sagas were cleared.</summary>
    public List<TimeSpan> Cleared { get; } = [];

    public Func<Task> BeforeConnection { get; set; } = () => Task.CompletedTask;

    public List<(long Assignment, int NotRunning)> CaughtUp { get; } = [];

    private Action<CoordinatorNotification> Notify { get; set; } = _ => { };

    public void Hint() => Notify(CoordinatorNotification.Hint.Instance);

    /// <summary>The store has answered a heartbeat.</summary>
    public void Written(string? listenerError = null) => Notify(new CoordinatorNotification.HeartbeatWritten(listenerError));

    public void BreakConnection() => _connection.SetException(new IOException("broken"));

    public async Task RunHeartbeatAsync(
        Membership member, CoordinatorProfile profile, TimeSpan period, Action<CoordinatorNotification> onNotification, CancellationToken cancellationToken)
    {
        await BeforeConnection();
        (_connection, Notify) = (new TaskCompletionSource(), onNotification);
        Connections++;
        onNotification(new CoordinatorNotification.Listening(Assigned));
        await _connection.Task.WaitAsync(cancellationToken);
    }

    public Task ReportCaughtUpAsync(Membership member, long assignment, int notRunning, CancellationToken cancellationToken)
    {
        CaughtUp.Add((assignment, notRunning));
        return Task.CompletedTask;
    }

    public Task<RecoveryControls> ReadControlsAsync(Membership member, CancellationToken cancellationToken) =>
        Task.FromResult(new RecoveryControls { Held = Held, Cancelled = Cancelled, Paused = Paused, Suspects = Suspects, Assigned = AssignedAsRead, CaughtUp = CaughtUp.Select(one => one.Assignment).LastOrDefault() });

    public Task<PreviousIncarnation> ReadPreviousIncarnationAsync(Membership member, CancellationToken cancellationToken) =>
        Previous is { } previous ? Task.FromResult(previous) : _none.ReadPreviousIncarnationAsync(member, cancellationToken);

    public Task RecordInFlightAsync(Membership member, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken)
    {
        InFlight.Add(sagas);
        return Task.CompletedTask;
    }

    public Task ClearSuspectsAsync(Membership member, TimeSpan probation, CancellationToken cancellationToken)
    {
        Cleared.Add(probation);
        return Task.CompletedTask;
    }

    public Task ReportShutdownAsync(Membership member, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<StalledSagas> FindStalledAsync(
        Membership member,
        StalledThresholds patience,
        IReadOnlyCollection<SagaId>? among,
        IReadOnlyCollection<SagaId> except,
        CancellationToken cancellationToken)
    {
        Observations++;
        SagaId[] found = [.. Stalled.Where(saga => !except.Contains(saga) && among?.Contains(saga) != false)];
        return Task.FromResult(new StalledSagas(
            DateTimeOffset.UnixEpoch, found.Length, [.. found.Select(saga => new StalledSaga(saga, "provision", DateTimeOffset.UnixEpoch, "disk started"))]));
    }
}
