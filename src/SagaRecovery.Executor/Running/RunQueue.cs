namespace SagaRecovery.Executor.Running;

/// <summary>
/// Runs that wait for the same slots. Resumed runs and started ones are first in, first out each, and take turns: neither many new sagas nor
/// many recovered ones keep the others waiting. Not thread-safe: the lock of the <see cref="RunTable"/> guards it.
/// </summary>
internal sealed class RunQueue
{
    private readonly LinkedList<SagaRun> _resumed = new();
    private readonly LinkedList<SagaRun> _started = new();
    private bool _startedNext;

    /// <summary>The number of resumed runs.</summary>
    public int Resumed => _resumed.Count;

    public IEnumerable<SagaRun> Runs => _resumed.Concat(_started);

    /// <summary>The run whose turn comes next; null if the queue is empty.</summary>
    public SagaRun? Head => ((_startedNext ? _started.First : _resumed.First) ?? _resumed.First ?? _started.First)?.Value;

    public void Append(SagaRun run) => run.QueueEntry = ListOf(run).AddLast(run);

    /// <summary>Removes a run that ends or gets a slot out of turn.</summary>
    public void Remove(SagaRun run)
    {
        ListOf(run).Remove(run.QueueEntry!);
        run.QueueEntry = null;
    }

    /// <summary>Gives the next turn to the other kind of runs.</summary>
    public void EndTurn(SagaRun run) => _startedNext = run.IsResumed;

    private LinkedList<SagaRun> ListOf(SagaRun run) => run.IsResumed ? _resumed : _started;
}
