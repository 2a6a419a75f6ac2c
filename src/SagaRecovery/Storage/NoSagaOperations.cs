using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The operations of a store that does not implement <see cref="ISagaOperations"/>. Every call throws.</summary>
internal sealed class NoSagaOperations : ISagaOperations
{
    public Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken) => throw NotSupported();

    public Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken) => throw NotSupported();

    public Task<IReadOnlyList<SagaCount>> CountAsync(CancellationToken cancellationToken) => throw NotSupported();

    public Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken) => throw NotSupported();

    public Task PauseAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    public Task ResumeAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    public Task<OperatorActionResult> HoldAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    public Task<OperatorActionResult> SuspendAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    public Task<OperatorActionResult> CancelAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    public Task<OperatorActionResult> ReleaseAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    public Task<OperatorActionResult> RecordRetryAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    public Task<OperatorActionResult> AbandonAsync(SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken) =>
        throw NotSupported();

    public Task<int> RevokeJoinsAsync(OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    public Task<OperatorActionResult> InjectErrorAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    public Task<OperatorActionResult> RetryUndoAsync(
        SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    public Task<OperatorActionResult> SkipUndoAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken) => throw NotSupported();

    private static NotSupportedException NotSupported() => new(
        $"The registered saga store does not support operator actions. Implement {nameof(ISagaOperations)} in the store passed to UseStore<T>().");
}
