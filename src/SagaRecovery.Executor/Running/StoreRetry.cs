using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using SagaRecovery.Executor.Diagnostics;

namespace SagaRecovery.Executor.Running;

/// <summary>Repeats writes until the store answers them: while it is away, sagas wait. Thread-safe.</summary>
internal sealed class StoreRetry(TimeProvider time, DurableExecutorOptions options, ILogger logger)
{
    private readonly WriteHealth _health = new(time, logger);

    /// <summary>Repeats a write, with growing delays.</summary>
    /// <param name="write">The write. It must be harmless to repeat.</param>
    /// <param name="isAnswer">Returns true for an exception that answers the write. It is thrown.</param>
    /// <param name="cancellationToken">Cancels the wait between two attempts.</param>
    /// <exception cref="OperationCanceledException">The outcome is unknown.</exception>
    [SuppressMessage("Design", "CA1031", Justification = "Any other exception means that the store is unavailable: sagas wait and the write is retried.")]
    public async Task<T> UntilAnsweredAsync<T>(Func<Task<T>> write, Predicate<Exception> isAnswer, CancellationToken cancellationToken)
    {
        TimeSpan delay = options.FirstWriteRetryDelay;
        bool failed = false;
        while (true)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                _health.RecordCancellation(failedBefore: failed);
                throw new OperationCanceledException(cancellationToken);
            }

            try
            {
                T answer = await write().ConfigureAwait(false);
                _health.RecordSuccess(failedBefore: failed);
                return answer;
            }
            catch (Exception answer) when (isAnswer(answer))
            {
                if (WriteFailures.ComesFromTheServer(answer))
                {
                    _health.RecordSuccess(failedBefore: failed);
                }
                else
                {
                    _health.RecordCancellation(failedBefore: failed);
                }

                throw;
            }
            catch (Exception e)
            {
                if (!cancellationToken.IsCancellationRequested)
                {
                    _health.RecordFailure(e, failedBefore: failed);
                    failed = true;
                }
            }

            await Task.Delay(delay, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            delay = TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, options.LongestWriteRetryDelay.Ticks));
        }
    }
}

/// <summary>
/// The health of the writes. An outage is logged once when it begins and once when it is over, however many groups and retries are affected: it is over
/// when a write succeeds and no group is left that has failed. Thread-safe.
/// </summary>
internal sealed class WriteHealth(TimeProvider time, ILogger logger)
{
    private readonly Lock _lock = new();
    private int _failingGroups;
    private long? _failingSince;

    public void RecordFailure(Exception exception, bool failedBefore)
    {
        lock (_lock)
        {
            _failingGroups += failedBefore ? 0 : 1;
            if (_failingSince is not null)
            {
                return;
            }

            _failingSince = time.GetTimestamp();
        }

        Log.WritesFailing(logger, exception);
    }

    /// <summary>Removes a cancelled group. Its end is no evidence that writes succeed.</summary>
    public void RecordCancellation(bool failedBefore)
    {
        lock (_lock)
        {
            _failingGroups -= failedBefore ? 1 : 0;
        }
    }

    public void RecordSuccess(bool failedBefore)
    {
        TimeSpan duration;
        lock (_lock)
        {
            _failingGroups -= failedBefore ? 1 : 0;
            if (_failingSince is not { } since || _failingGroups > 0)
            {
                return;
            }

            duration = time.GetElapsedTime(since);
            _failingSince = null;
        }

        Log.WritesRecovered(logger, duration);
    }
}
