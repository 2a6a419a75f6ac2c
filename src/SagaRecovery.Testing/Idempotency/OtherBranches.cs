using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>
/// Says when every node that does not come after a failing one has succeeded, or one of them has failed, so that they never will. What
/// there is to undo is then the same in each run. Thread-safe.
/// </summary>
internal sealed class OtherBranches
{
    private readonly Lock _lock = new();
    private readonly HashSet<int> _open;
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public OtherBranches(SagaShape shape, int failing)
    {
        _open = [.. Enumerable.Range(0, shape.Count).Where(node => node != failing && !shape.ComesAfter(node, failing))];
        if (_open.Count == 0)
        {
            _done.SetResult();
        }
    }

    /// <summary>Takes in what was written to the log.</summary>
    public Task NoteAsync(SagaLogEntry entry)
    {
        lock (_lock)
        {
            foreach (SavedNodeEvent nodeEvent in entry.Events)
            {
                if (nodeEvent.Type == NodeEventType.Succeeded)
                {
                    _open.Remove(nodeEvent.NodeId);
                }

                if (_open.Count == 0 || nodeEvent.Type == NodeEventType.Failed)
                {
                    _done.TrySetResult();
                }
            }
        }

        return Task.CompletedTask;
    }

    public Task DoneAsync(CancellationToken cancellationToken) => _done.Task.WaitAsync(cancellationToken);
}
