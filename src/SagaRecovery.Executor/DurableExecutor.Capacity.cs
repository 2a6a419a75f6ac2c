using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor;

/// <content>The capacity for sagas that recovery resumes.</content>
public sealed partial class DurableExecutor
{
    /// <inheritdoc />
    /// <remarks>
    /// The free slots, and some more runs that wait for one in this process, so that no slot is free while sagas are loaded. Definitions with a
    /// limit of their own count separately.
    /// </remarks>
    public ExecutorCapacity? GetCapacity() => _runs.GetCapacity();

    /// <inheritdoc />
    public SlotLimit? DescribeSlotLimit(string definition) => _runs.DescribeSlotLimit(definition);

    /// <summary>Reports to recovery that it may resume further sagas, once until it asks for the capacity.</summary>
    private void ReportCapacity()
    {
        if (_runs.HasCapacityToReport())
        {
            _starts.ReportCapacity();
        }
    }

    /// <summary>
    /// Returns the events to insert with a new saga, so that its first steps need no write of their own. None if its run would have to wait for a slot. One
    /// that waits all the same, since others were faster, only looks in its log as if it had begun.
    /// </summary>
    internal IReadOnlyList<SavedNodeEvent> FirstEventsOf(SagaDefinition definition) =>
        _runs.WouldStart(definition.Saved.Name) ? definition.Shape.FirstEvents : [];
}
