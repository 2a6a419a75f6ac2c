using System.Data.Common;
using SagaRecovery.Coordinators;
using SagaRecovery.Fencing;
using SagaRecovery.Hosting;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>Runs actions and undos in the transactions that write the events which end them. Thread-safe.</summary>
internal sealed class TransactionalSteps(ISagaTransactions transactions, SagaCoordinator coordinator, StoreRetry retry, TimeProvider time)
{
    private static readonly TimeSpan s_delayAfterRefusal = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs work, and writes the event that it returns in the same transaction, until it is known what the log contains.</summary>
    /// <param name="run">The run of the saga.</param>
    /// <param name="step">The action or undo that the event ends.</param>
    /// <param name="work">The work. It may run more than once, and leaves its effect at most once.</param>
    /// <param name="cancellationToken">Cancelled when the run stops.</param>
    /// <returns>The event in the log: the one of the work, or one that an earlier attempt has written although its answer was lost.</returns>
    /// <exception cref="DbException">The database refused the commit for what the work has done. Nothing remains of it.</exception>
    /// <remarks>An exception of the work passes through.</remarks>
    public async Task<SavedNodeEvent> AppendAsync(
        SagaRun run, NodeStep step, Func<DbTransaction, Task<SavedNodeEvent>> work, CancellationToken cancellationToken)
    {
        using var detached = new DetachedCancellation(cancellationToken);
        NodeStep next = step;
        while (true)
        {
            try
            {
                SavedNodeEvent? written = await retry.UntilAnsweredAsync(
                    AppendOnceAsync,
                    isAnswer: static exception => exception is not UnansweredWriteException,
                    cancellationToken).ConfigureAwait(false);
                if (written is { } end)
                {
                    return end;
                }

                await run.VerifyOwnershipAsync(cancellationToken).ConfigureAwait(false); // stops the run, and thereby this step
                await Task.Delay(s_delayAfterRefusal, time, cancellationToken).ConfigureAwait(false); // the saga has returned meanwhile
            }
            catch (JoinLostException)
            {
                await run.VerifyOwnershipAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (CoordinatorFencedException fenced)
            {
                coordinator.ReportFenced(fenced);
                await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken).ConfigureAwait(false); // until this step is stopped
            }
        }

        Task<SavedNodeEvent?> AppendOnceAsync()
        {
            NodeStep now = next;
            next = step with { IsFirstAttempt = false };
            return transactions.AppendAsync(run.Ownership, now, work, detached.Token);
        }
    }
}
