using System.Collections.Concurrent;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Support;

/// <summary>Runs nothing; records its calls, and answers as the test defines.</summary>
internal sealed class AnsweringExecutor : ISagaExecutor
{
    private int _inFlight;

    /// <summary>The calls, in order: <c>resume id@generation</c>, <c>relinquish id@generation</c>.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    public int MostInFlight { get; private set; }

    public Func<SavedSaga, CancellationToken, Task<ResumeOutcome>> OnResume { get; set; } =
        (_, _) => Task.FromResult<ResumeOutcome>(ResumeOutcome.Resumed.Instance);

    public Func<SagaId, Task<RelinquishOutcome>> OnRelinquish { get; set; } = _ => Task.FromResult(RelinquishOutcome.NotRunning);

    /// <summary>Called with the saga to cancel or to stop.</summary>
    public Func<SagaId, Task> OnRequest { get; set; } = _ => Task.CompletedTask;

    /// <summary>The definitions that it reports; null: none, and it may run any.</summary>
    public IReadOnlyCollection<RunnableDefinition>? Definitions { get; set; }

    /// <summary>The number of sagas that it takes; null: no limit.</summary>
    public ExecutorCapacity? Capacity { get; set; }

    /// <summary>The runs with steps in progress.</summary>
    public IReadOnlyList<SagaRunProgress> Runs { get; set; } = [];

    /// <summary>The number of sagas that have not ended; null: not known.</summary>
    public int? Unfinished { get; set; }

    public ExecutorCapacity? GetCapacity() => Capacity;

    public string? DescribeChange(SavedDefinition stored) => $"the nodes of {stored.Name} were changed";

    public SagaRunProgress? FindRun(SagaId sagaId) => Runs.FirstOrDefault(run => run.SagaId == sagaId);

    public IReadOnlyList<SagaRunProgress> GetRunsInProgress() => Runs;

    public async ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"resume {saga.Id}@{ownership.Generation}");
        lock (Calls)
        {
            MostInFlight = Math.Max(MostInFlight, ++_inFlight);
        }

        try
        {
            return await OnResume(saga, cancellationToken);
        }
        finally
        {
            lock (Calls)
            {
                _inFlight--;
            }
        }
    }

    public async ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"relinquish {sagaId}@{upTo}");
        return await OnRelinquish(sagaId);
    }

    public async ValueTask CancelAsync(SagaId sagaId, SagaCancellation cancellation, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"cancel {sagaId}");
        await OnRequest(sagaId);
    }

    public async ValueTask SuspendAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"suspend {sagaId}");
        await OnRequest(sagaId);
    }
}
