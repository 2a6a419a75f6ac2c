using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>
/// The wait of a failing node for all nodes that do not come after it, so that each run has the same nodes to undo. The wait also ends
/// if another node fails, because the remaining nodes then never succeed. Thread-safe.
/// </summary>
internal sealed class OtherBranches
{
    private readonly Lock _lock = new();
    private readonly HashSet<int> _unfinished;
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public OtherBranches(SagaShape shape, int failing)
    {
        _unfinished = [.. Enumerable.Range(0, shape.Count).Where(node => node != failing && !shape.ComesAfter(node, failing))];
        if (_unfinished.Count == 0)
        {
            _done.SetResult();
        }
    }

    /// <summary>Records an entry that was written to the log.</summary>
    public Task RecordAsync(SagaLogEntry entry)
    {
        lock (_lock)
        {
            foreach (SavedNodeEvent nodeEvent in entry.Events)
            {
                if (nodeEvent.Type == NodeEventType.Succeeded)
                {
                    _unfinished.Remove(nodeEvent.NodeId);
                }

                if (_unfinished.Count == 0 || nodeEvent.Type == NodeEventType.Failed)
                {
                    _done.TrySetResult();
                }
            }
        }

        return Task.CompletedTask;
    }

    public Task WaitAsync(CancellationToken cancellationToken) => _done.Task.WaitAsync(cancellationToken);
}
