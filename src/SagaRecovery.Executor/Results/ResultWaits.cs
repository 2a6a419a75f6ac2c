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

    private static readonly TimeSpan s_afterFailure = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<SagaId, Wait> _waits = [];
    private readonly ISagaReader _reader;
    private readonly TimeProvider _time;
    private readonly TimeSpan _interval;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopping;
    private TaskCompletionSource _newWait = NewSignal(); // also signalled by the end of an awaited run
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
                _newWait.TrySetResult();
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
            _newWait.TrySetResult();
            if (!_queries)
            {
                _queries = true;

                // Without the execution context of the caller: the query serves all of them.
                ThreadPool.UnsafeQueueUserWorkItem(static self => _ = self.QueryAsync(), this, preferLocal: false);
            }

            return wait;
        }
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

    /// <summary>Queries until no wait is left. Must not throw.</summary>
    private async Task QueryAsync()
    {
        bool failedBefore = false;
        while (TryBeginQuery(out SagaId[] waited, out Task newWait))
        {
            bool fails = !await TryQueryAsync(waited, failedBefore).ConfigureAwait(false);
            failedBefore = fails;
            Task delay = Task.Delay(fails ? s_afterFailure : _interval, _time, _stopping);
            await (fails ? delay : Task.WhenAny(delay, newWait)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private bool TryBeginQuery(out SagaId[] waited, out Task newWait)
    {
        lock (_lock)
        {
            waited = [.. _waits.Keys];
            newWait = (_newWait = NewSignal()).Task;
            _queries = waited.Length > 0 && !_stopping.IsCancellationRequested;
            return _queries;
        }
    }

    /// <returns>False if the store did not answer.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "The store may be one of the user's. Its exception goes to those that wait.")]
    private async Task<bool> TryQueryAsync(SagaId[] waited, bool failedBefore)
    {
        try
        {
            foreach (SagaId[] some in waited.Chunk(MaxSagas))
            {
                IReadOnlyCollection<SagaId> unfinished = await _reader.FindUnfinishedAsync(some, _stopping).ConfigureAwait(false);
                foreach (SagaId id in some.Except(unfinished))
                {
                    await ReadAsync(id).ConfigureAwait(false);
                }
            }

            return true;
        }
        catch (Exception e) when (TransientFailures.IsTransient(e))
        {
            if (!failedBefore && !_stopping.IsCancellationRequested)
            {
                Log.ResultsUnavailable(_logger, e, waited.Length);
            }

            return false;
        }
        catch (Exception e)
        {
            foreach (SagaId id in waited)
            {
                Complete(id, wait => wait.Ended.TrySetException(e));
            }

            return true;
        }
    }

    /// <summary>Reads a saga that is not in progress, and ends the waits for it. One that cannot be read concerns nobody else.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The store may be one of the user's. Its exception goes to those that wait for the saga.")]
    private async Task ReadAsync(SagaId id)
    {
        try
        {
            SavedSaga? saga = await _reader.ReadAsync(id, _stopping).ConfigureAwait(false);
            if (saga is not { State: SagaState.Running or SagaState.Unwinding }) // an operator may have returned it to unwinding
            {
                Complete(id, wait => wait.Ended.TrySetResult(saga));
            }
        }
        catch (Exception e) when (!TransientFailures.IsTransient(e))
        {
            Complete(id, wait => wait.Ended.TrySetException(e));
        }
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
