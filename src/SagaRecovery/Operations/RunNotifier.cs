using Microsoft.Extensions.Logging;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Operations;

/// <summary>
/// Notifies the runs in this process of operator actions that have taken effect on the store. The next pass repeats a notification that fails. So an
/// executor that throws or does not answer costs an action some seconds, and never its answer. Thread-safe.
/// </summary>
internal sealed class RunNotifier(ISagaExecutor executor, SagaTracker tracker, SteadyTimeProvider time, ILogger<SagaOperator> logger)
{
    /// <summary>The time that the notifications of one action have together.</summary>
    public static readonly TimeSpan Budget = TimeSpan.FromSeconds(5);

    /// <summary>Notifies the runs of some sagas, side by side, and logs one line about those that were not notified.</summary>
    public async Task NotifyAsync(SagaAction action, IReadOnlyList<SagaId> sagas)
    {
        using var budget = new CancellationTokenSource(Budget, time);
        CancellationToken over = budget.Token;
        var answers = new Task<Exception?>?[sagas.Count];
        Task all = Task.Run(SendAllAsync, CancellationToken.None); // a call may block its thread
        await all.WaitAsync(over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        List<(SagaId SagaId, Exception Error)> failed = [];
        for (int i = 0; i < sagas.Count; i++)
        {
            Task<Exception?>? answer = Volatile.Read(ref answers[i]); // an answer that comes later is ignored
            if (answer is not { IsCompleted: true })
            {
                failed.Add((sagas[i], new OperationCanceledException(over)));
            }
            else if (await answer.ConfigureAwait(false) is { } error)
            {
                failed.Add((sagas[i], error));
            }
        }

        if (failed is [(SagaId first, Exception cause), ..])
        {
            string error = cause is OperationCanceledException ? $"it did not answer within {PlainText.Duration(Budget)}" : cause.Message;
            Log.RunsNotNotified(logger, SagaNames.Of(action.Kind), failed.Count, sagas.Count, first, error);
        }

        Task SendAllAsync()
        {
            for (int i = 0; i < sagas.Count && !over.IsCancellationRequested; i++)
            {
                Volatile.Write(ref answers[i], SendAsync(action, sagas[i], over));
            }

            return Task.WhenAll(answers.OfType<Task>());
        }
    }

    /// <returns>The error; null for none.</returns>
    private async Task<Exception?> SendAsync(SagaAction action, SagaId saga, CancellationToken over)
    {
        try
        {
            await CallAsync(action, saga, over).WaitAsync(over).ConfigureAwait(false); // even if the executor ignores its token
            return null;
        }
        catch (Exception exception) // the executor is user code, and the action has taken effect
        {
            return exception;
        }
    }

    private async Task CallAsync(SagaAction action, SagaId saga, CancellationToken over)
    {
        switch (action.Kind)
        {
            case OperatorActionKind.Cancel:
                await executor.CancelAsync(saga, new SagaCancellation(time.Now, action.Note), over).ConfigureAwait(false);
                break;
            case OperatorActionKind.Hold when action.StopRun:
                await executor.SuspendAsync(saga, over).ConfigureAwait(false);
                break;
            case OperatorActionKind.Abandon when tracker.Observe(saga, time.Now).Run is { } run:
                await executor.RelinquishAsync(saga, run.Generation, over).ConfigureAwait(false);
                break;
        }
    }
}
