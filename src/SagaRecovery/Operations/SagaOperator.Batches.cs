using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <content>The operator actions on many sagas.</content>
public sealed partial class SagaOperator
{
    /// <summary>Runs an operator action on many sagas, each under the rules of the action on one, and notifies the runs in this process.</summary>
    /// <param name="action">The action.</param>
    /// <param name="sagas">The sagas. A bounded batch; see <see cref="SagaBatchRequest.MaxSagas"/>.</param>
    /// <param name="cancellationToken">Cancels the action. Some sagas may be changed by then.</param>
    /// <returns>One result for each saga, in order.</returns>
    /// <remarks>
    /// A repeat is harmless. An executor that throws or does not answer delays the results by some seconds; the next pass notifies its runs. To abandon sagas that this process owns, no condition is needed; those of other processes that answer are refused,
    /// unless the condition sets <see cref="OperatorActionCondition.EvenIfOwnerAnswers"/>.
    /// </remarks>
    public async Task<IReadOnlyList<OperatorActionResult>> PerformAsync(
        SagaAction action, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken = default)
    {
        EnsureMayAct();
        try
        {
            IReadOnlyList<OperatorActionResult> results = await PerformOwnFirstAsync(action, sagas, cancellationToken).ConfigureAwait(false);
            SagaId[] done = [.. sagas.Zip(results).Where(pair => pair.Second is OperatorActionResult.Done).Select(pair => pair.First)];
            await _notifier.NotifyAsync(action, done).ConfigureAwait(false);
            await PublishControlsAsync(cancellationToken).ConfigureAwait(false);
            return results;
        }
        finally
        {
            _wakeups.Request(PassReason.OperatorAction); // also if the answer of the store was lost
        }
    }

    /// <summary>Reassigns chosen sagas of any owners.</summary>
    /// <param name="sagas">The sagas. A bounded batch; see <see cref="SagaBatchRequest.MaxSagas"/>.</param>
    /// <param name="recipients">The recipients and the conditions.</param>
    /// <param name="note">The actor and the reason, recorded for each saga.</param>
    /// <param name="cancellationToken">Cancels the reassignment. Sagas that have moved keep their new owner.</param>
    /// <returns>One result for each saga, in order.</returns>
    public async Task<IReadOnlyList<OperatorActionResult>> ReassignSagasAsync(
        IReadOnlyList<SagaId> sagas, ChosenRecipients recipients, OperatorNote note, CancellationToken cancellationToken = default)
    {
        EnsureMayAct();
        IReadOnlyList<OperatorActionResult> results = await _cluster.ReassignAsync(sagas, recipients, note, cancellationToken).ConfigureAwait(false);
        await PublishClusterAsync(cancellationToken).ConfigureAwait(false);
        return results;
    }

    /// <summary>Drops the condition that the owner must not answer for the sagas that this process owns.</summary>
    private async Task<IReadOnlyList<OperatorActionResult>> PerformOwnFirstAsync(
        SagaAction action, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken)
    {
        IReadOnlyList<OperatorActionResult> results = await _operations.PerformAsync(action, sagas, cancellationToken).ConfigureAwait(false);
        int[] own = _coordinator.Fenced.IsCancellationRequested
            ? []
            : [.. Enumerable.Range(0, sagas.Count).Where(i => results[i] is OperatorActionResult.OwnerAnswers answers && answers.Owner.Id == _coordinator.Id)];
        if (own.Length == 0)
        {
            return results;
        }

        SagaAction allowed = action with { Condition = action.Condition with { EvenIfOwnerAnswers = true } };
        IReadOnlyList<OperatorActionResult> again = await _operations.PerformAsync(allowed, [.. own.Select(i => sagas[i])], cancellationToken).ConfigureAwait(false);
        OperatorActionResult[] all = [.. results];
        foreach ((int i, OperatorActionResult result) in own.Zip(again))
        {
            all[i] = result;
        }

        return all;
    }
}
