using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>What the store says of a coordinator beside its sagas, as it stood when a pass read it. Immutable.</summary>
public sealed record RecoveryControls
{
    private readonly HashSet<SagaId> _heldIds = [];

    /// <summary>Nothing was asked for.</summary>
    public static RecoveryControls None { get; } = new();

    /// <summary>No saga is handed over; null: recovery is not paused.</summary>
    public RecoveryPause? Paused { get; init; }

    /// <summary>The sagas in progress and ours that are not to be handed over.</summary>
    public IReadOnlyList<HeldSaga> Held
    {
        get;
        init
        {
            field = value;
            _heldIds = [.. value.Select(saga => saga.SagaId)];
        }
    } = [];

    /// <summary>The levers pulled last, oldest first, at most <see cref="RecoveryReport.HistoryLength"/>.</summary>
    public IReadOnlyList<OperatorAction> RecentActions { get; init; } = [];

    /// <summary>Sagas of this coordinator that were in hand, here or elsewhere, when a process died.</summary>
    public IReadOnlyList<Suspect> Suspects { get; init; } = [];

    /// <summary>The number of the last time that sagas were assigned to this coordinator; 0: never.</summary>
    public long Assigned { get; init; }

    /// <summary>Up to which of those times a pass has come to all of them.</summary>
    public long CaughtUp { get; init; }

    /// <summary>Whether a saga is not to be handed over.</summary>
    public bool Holds(SagaId sagaId) => _heldIds.Contains(sagaId);
}
