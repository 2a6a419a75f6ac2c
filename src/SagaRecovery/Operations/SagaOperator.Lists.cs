using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <content>The lists of sagas, with what this process knows of each.</content>
public sealed partial class SagaOperator
{
    /// <summary>Lists sagas by the time of their insertion, newest first, with the phases of those that this process runs or will run.</summary>
    /// <param name="filter">The filter and the page size.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <exception cref="SearchTimeoutException">The filter took too long, because few sagas match among very many.</exception>
    public async Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<SagaSummary> sagas = await _operations.ListAsync(filter, cancellationToken).ConfigureAwait(false);
        return [.. sagas.Select(saga => saga with { Phase = PhaseOf(saga) })];
    }

    private RunPhase? PhaseOf(SagaSummary saga)
    {
        if (saga.State is not (SagaState.Running or SagaState.Unwinding) || saga.Owner != _coordinator.Id)
        {
            return null;
        }

        return _executor.FindRun(saga.Id)?.Phase ?? (_tracker.Observe(saga.Id, _time.Now).Slot is null ? null : RunPhase.WaitingForSlot);
    }
}
