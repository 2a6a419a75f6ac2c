using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>The pauses, holds, suspects and assignments of a coordinator, as a pass read them from the store. Immutable.</summary>
public sealed record RecoveryControls
{
    private readonly HashSet<SagaId> _heldIds = [];

    /// <summary>Controls without any restriction.</summary>
    public static RecoveryControls None { get; } = new();

    /// <summary>The pause of recovery, during which no saga is resumed; null if recovery is not paused.</summary>
    public RecoveryPause? Paused { get; init; }

    /// <summary>The held sagas of this coordinator, which are not resumed.</summary>
    public IReadOnlyList<HeldSaga> Held
    {
        get;
        init
        {
            field = value;
            _heldIds = [.. value.Select(saga => saga.SagaId)];
        }
    } = [];

    /// <summary>The running sagas of this coordinator whose cancellation was requested.</summary>
    public IReadOnlyList<(SagaId SagaId, SagaCancellation Cancellation)> Cancelled { get; init; } = [];

    /// <summary>The most recent operator actions, oldest first, at most <see cref="RecoveryReport.HistoryLength"/>.</summary>
    public IReadOnlyList<OperatorAction> RecentActions { get; init; } = [];

    /// <summary>The sagas of this coordinator that were not yet past probation when a process died, this coordinator's or another's.</summary>
    public IReadOnlyList<Suspect> Suspects { get; init; } = [];

    /// <summary>The sequence number of the last assignment of sagas to this coordinator; 0 if there was none.</summary>
    public long Assigned { get; init; }

    /// <summary>The sequence number of the last assignment whose sagas a pass has all attempted.</summary>
    public long CaughtUp { get; init; }

    /// <summary>Returns true if the saga is held.</summary>
    public bool Holds(SagaId sagaId) => _heldIds.Contains(sagaId);
}
