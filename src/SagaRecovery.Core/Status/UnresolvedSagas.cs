namespace SagaRecovery.Status;

/// <summary>The sagas in the store, of all owners, that ended without a result that an operator can rely on.</summary>
/// <param name="At">The time at which the store was queried.</param>
/// <param name="Stuck">Sagas that are partly undone, since an undo failed. They wait for an operator.</param>
/// <param name="Abandoned">Sagas that were set aside. Their effects remain.</param>
/// <remarks>Each group is counted up to <see cref="MaxCount"/>.</remarks>
public sealed record UnresolvedSagas(DateTimeOffset At, UnownedSagas Stuck, UnownedSagas Abandoned)
{
    /// <summary>The number up to which sagas are counted: 10,000.</summary>
    public const int MaxCount = 10_000;
}
