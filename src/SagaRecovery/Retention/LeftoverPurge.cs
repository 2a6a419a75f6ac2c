using SagaRecovery.Storage;

namespace SagaRecovery.Retention;

/// <summary>
/// Deletes what ended sagas leave: operator actions after the sagas that they are about, and definitions after the coordinators that published them.
/// </summary>
internal sealed class LeftoverPurge(ISagaRetention store, RetentionOptions options, PurgeTurns turns)
{
    /// <summary>Deletes everything that has expired, in batches.</summary>
    /// <param name="tally">Counts what is done, also if a batch fails.</param>
    /// <param name="cancellationToken">Ends the purge after the statements that were sent.</param>
    /// <returns>False if another process has the turn.</returns>
    public async Task<bool> TryRunAsync(PurgeTally tally, CancellationToken cancellationToken) =>
        (options.KeepOperatorActions is not { } keepActions || await TryRepeatAsync(
            after => store.DeleteActionsAsync(keepActions, after, cancellationToken), deleted => tally.Actions += deleted, cancellationToken).ConfigureAwait(false))
        && (options.KeepSilentCoordinators is not { } keepCoordinators || await TryRepeatAsync(
            after => store.DeleteCoordinatorsAsync(keepCoordinators, after, cancellationToken), deleted => tally.Coordinators += deleted, cancellationToken).ConfigureAwait(false))
        && (!options.DeleteUnusedDefinitions || await TryRepeatAsync(
            after => store.DeleteUnusedDefinitionsAsync(after, cancellationToken), deleted => tally.Definitions += deleted, cancellationToken).ConfigureAwait(false));

    private async Task<bool> TryRepeatAsync(Func<string?, Task<LeftoverBatch>> delete, Action<long> count, CancellationToken cancellationToken)
    {
        string? after = null;
        do
        {
            bool isMine = await turns.TryRunAsync(
                async () =>
                {
                    LeftoverBatch batch = await delete(after).ConfigureAwait(false);
                    count(batch.Deleted);
                    after = batch.Next;
                    return after is not null;
                },
                cancellationToken).ConfigureAwait(false);
            if (!isMine)
            {
                return false;
            }
        }
        while (after is not null);

        return true;
    }
}
