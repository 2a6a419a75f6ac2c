using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>What operators have asked for, as it stood in the store when a pass read it. Immutable.</summary>
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

    internal bool Holds(SagaId sagaId) => _heldIds.Contains(sagaId);
}
