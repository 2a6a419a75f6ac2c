using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;

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
}
