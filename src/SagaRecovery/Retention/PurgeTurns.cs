using SagaRecovery.Storage;

namespace SagaRecovery.Retention;

/// <summary>The pace of a purge.</summary>
/// <param name="BatchSize">The maximum number of sagas that one transaction visits and deletes.</param>
/// <param name="Pause">The pause between two batches.</param>
internal sealed record PurgePace(int BatchSize, TimeSpan Pause);

/// <summary>Runs batches of deletions in one process at a time, with pauses between them.</summary>
/// <param name="store">Gives the turns.</param>
/// <param name="pace">The pace.</param>
/// <param name="time">The clock.</param>
/// <param name="attempts">The number of times to ask for the turn before another process counts as having it.</param>
internal sealed class PurgeTurns(ISagaRetention store, PurgePace pace, TimeProvider time, int attempts = 1)
{
    /// <summary>The ratio of a pause to the batch before it: at most a quarter of the time is spent on the server.</summary>
    private const int PausePerBatch = 3;

    public int BatchSize => pace.BatchSize;

    /// <summary>Runs a batch as the only process.</summary>
    /// <param name="batch">Runs the batch. Returns true if a pause must follow, because the batch has written or others follow.</param>
    /// <param name="cancellationToken">Ends the wait for the turn, and the pause.</param>
    /// <returns>False if another process has the turn. The batch did not run then.</returns>
    public async Task<bool> TryRunAsync(Func<Task<bool>> batch, CancellationToken cancellationToken)
    {
        long began = time.GetTimestamp();
        IAsyncDisposable? turn = await TryBeginAsync(cancellationToken).ConfigureAwait(false);
        if (turn is null)
        {
            return false;
        }

        bool needsPause;
        await using (turn.ConfigureAwait(false))
        {
            needsPause = await batch().ConfigureAwait(false);
        }

        if (needsPause)
        {
            TimeSpan pause = PausePerBatch * time.GetElapsedTime(began);
            await Task.Delay(pause > pace.Pause ? pause : pace.Pause, time, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    private async Task<IAsyncDisposable?> TryBeginAsync(CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            IAsyncDisposable? turn = await store.TryBeginTurnAsync(cancellationToken).ConfigureAwait(false);
            if (turn is not null || attempt >= attempts)
            {
                return turn;
            }

            await Task.Delay(pace.Pause, time, cancellationToken).ConfigureAwait(false);
        }
    }
}
