using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests.Support;

/// <summary>The operations of a store in memory: cancellations only.</summary>
internal sealed class CancellingOperations(InMemorySagaStore store, TimeProvider time) : ISagaOperations
{
    public Task<OperatorActionResult> CancelAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) =>
        Task.FromResult<OperatorActionResult>(store switch
        {
            _ when store.Find(sagaId) is not { } saga => OperatorActionResult.NoSuchSaga.Instance,
            _ when store.Cancel(sagaId, new SagaCancellation(time.GetUtcNow(), note)) => OperatorActionResult.Done.Instance,
            _ => new OperatorActionResult.Superseded(SummaryOf(store.Get(sagaId)), "it does not run"),
        });

    public Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<SagaCount>> CountAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task PauseAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task ResumeAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<OperatorActionResult> HoldAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<OperatorActionResult> SuspendAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<OperatorActionResult> ReleaseAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<OperatorActionResult> RecordRetryAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<OperatorActionResult> AbandonAsync(SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<int> RevokeJoinsAsync(OperatorNote note, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<OperatorActionResult> InjectErrorAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<OperatorActionResult> RetryUndoAsync(
        SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<OperatorActionResult> SkipUndoAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken) => throw new NotSupportedException();

    private static SagaSummary SummaryOf(StoredSaga saga) => new(
        saga.Id, saga.Definition.Name, saga.State, saga.Owner, saga.Generation, default, IsHeld: false);
}
