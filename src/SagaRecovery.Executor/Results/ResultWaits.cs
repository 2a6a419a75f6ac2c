using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Executor.Running;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Results;

/// <summary>
/// The waits of this process for sagas that other processes may run. All of them share one query, and without a wait there is no query.
/// Thread-safe.
/// </summary>
internal sealed class ResultWaits : IDisposable
{
    /// <summary>The number of sagas in one query.</summary>
    private const int MaxSagas = 1_000;

    /// <summary>The number of sagas that are read at a time.</summary>
    private const int MaxReads = 4;

    private static readonly TimeSpan s_afterFailure = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<SagaId, Wait> _waits = [];
    private readonly ISagaReader _reader;
    private readonly TimeProvider _time;
    private readonly TimeSpan _interval;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopping;
    private readonly HashSet<SagaId> _urgent = []; // awaited since the last query, or ended in this process
    private TaskCompletionSource _hasUrgent = NewSignal();
    private bool _queries;

    /// <param name="reader">The store.</param>
    /// <param name="time">The clock.</param>
    /// <param name="interval">The time between two queries.</param>
    /// <param name="logger">The log of the executor.</param>
    public ResultWaits(ISagaReader reader, TimeProvider time, TimeSpan interval, ILogger logger)
    {
        _reader = reader;
        _time = time;
        _interval = interval;
        _logger = logger;
        _stopping = _stop.Token; // valid after the source is disposed
    }

    /// <summary>Waits until a saga has ended.</summary>
    /// <returns>The saga; null if no saga has this id.</returns>
    /// <exception cref="OperationCanceledException">The wait was cancelled, or this process shuts down.</exception>
    public async Task<SavedSaga?> WaitAsync(SagaId id, CancellationToken cancellationToken)
    {
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping);
        Wait wait = Add(id);
        try
        {
            return await wait.Ended.Task.WaitAsync(cancellation.Token).ConfigureAwait(false);
        }
        finally
        {
            Remove(id, wait);
        }
    }

    /// <summary>Queries at once if a saga is awaited whose run in this process has ended.</summary>
    public void OnRunEnded(SagaId id)
    {
        lock (_lock)
        {
            if (_waits.ContainsKey(id))
            {
                AddUrgent(id);
            }
        }
    }

    /// <summary>Ends all waits.</summary>
    public void Stop() => _stop.Cancel();

    public void Dispose() => _stop.Dispose();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Wait Add(SagaId id)
    {
        lock (_lock)
        {
            if (!_waits.TryGetValue(id, out Wait? wait))
            {
                _waits.Add(id, wait = new Wait());
            }

            wait.Callers++;
            AddUrgent(id);
            if (!_queries)
            {
                _queries = true;

                // Without the execution context of the caller: the query serves all of them.
                ThreadPool.UnsafeQueueUserWorkItem(static self => _ = self.QueryAsync(), this, preferLocal: false);
            }

            return wait;
        }
    }

    private void AddUrgent(SagaId id)
    {
        _urgent.Add(id);
        _hasUrgent.TrySetResult();
    }

    private void Remove(SagaId id, Wait wait)
    {
        lock (_lock)
        {
            if (--wait.Callers == 0 && _waits.GetValueOrDefault(id) == wait)
            {
                _waits.Remove(id);
            }
        }
    }

    /// <summary>Queries until no wait is left: all sagas once in each interval, and urgent ones in between. Must not throw.</summary>
    private async Task QueryAsync()
    {
        bool failedBefore = false;
        Task interval = Task.CompletedTask;
        while (TryBeginQuery(all: interval.IsCompleted, out SagaId[] awaited, out Task hasUrgent))
        {
            if (interval.IsCompleted)
            {
                interval = Task.Delay(failedBefore ? s_afterFailure : _interval, _time, _stopping);
            }

            failedBefore = !await TryQueryAsync(awaited, failedBefore).ConfigureAwait(false);
            await (failedBefore ? interval : Task.WhenAny(interval, hasUrgent)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private bool TryBeginQuery(bool all, out SagaId[] awaited, out Task hasUrgent)
    {
        lock (_lock)
        {
            awaited = all ? [.. _waits.Keys] : [.. _urgent.Where(_waits.ContainsKey)];
            _urgent.Clear();
            hasUrgent = (_hasUrgent = NewSignal()).Task;
            _queries = _waits.Count > 0 && !_stopping.IsCancellationRequested;
            return _queries;
        }
    }

    /// <returns>False if the store did not answer.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "The store may be one of the user's. Its exception goes to those that wait.")]
    private async Task<bool> TryQueryAsync(SagaId[] awaited, bool failedBefore)
    {
        Exception? unavailable = null;
        try
        {
            foreach (SagaId[] some in awaited.Chunk(MaxSagas))
            {
                IReadOnlyCollection<SagaId> unfinished = await _reader.FindUnfinishedAsync(some, _stopping).ConfigureAwait(false);
                await Parallel.ForEachAsync(
                    some.Except(unfinished),
                    new ParallelOptions { MaxDegreeOfParallelism = MaxReads, CancellationToken = _stopping },
                    async (id, _) => unavailable = await TryReadAsync(id).ConfigureAwait(false) ?? unavailable).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (TransientFailures.IsTransient(e))
        {
            unavailable = e;
        }
        catch (Exception e)
        {
            foreach (SagaId id in awaited)
            {
                Complete(id, wait => wait.Ended.TrySetException(e));
            }
        }

        if (unavailable is not null && !failedBefore && !_stopping.IsCancellationRequested)
        {
            Log.ResultsUnavailable(_logger, unavailable, awaited.Length);
        }

        return unavailable is null;
    }

    /// <summary>Reads a saga that is not in progress, and ends the waits for it. One that cannot be read ends no other wait, and delays none.</summary>
    /// <returns>The failure of a store that did not answer; null if it answered.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "The store may be one of the user's. Its exception goes to those that wait for the saga.")]
    private async Task<Exception?> TryReadAsync(SagaId id)
    {
        try
        {
            SavedSaga? saga = await _reader.ReadAsync(id, _stopping).ConfigureAwait(false);
            if (saga is not { State: SagaState.Running or SagaState.Unwinding }) // an operator may have returned it to unwinding
            {
                Complete(id, wait => wait.Ended.TrySetResult(saga));
            }
        }
        catch (Exception e) when (TransientFailures.IsTransient(e))
        {
            return e;
        }
        catch (Exception e)
        {
            Complete(id, wait => wait.Ended.TrySetException(e));
        }

        return null;
    }

    private void Complete(SagaId id, Action<Wait> complete)
    {
        lock (_lock)
        {
            if (_waits.Remove(id, out Wait? wait))
            {
                complete(wait); // its continuations run elsewhere
            }
        }
    }

    private sealed class Wait
    {
        public TaskCompletionSource<SavedSaga?> Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Callers { get; set; }
    }
}
