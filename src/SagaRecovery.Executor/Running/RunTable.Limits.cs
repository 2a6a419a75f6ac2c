using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Running;

/// <content>The free slots, for recovery and new sagas, and the limits that queued runs wait for.</content>
internal sealed partial class RunTable
{
    /// <summary>Returns true if a new run of a definition would get a slot now.</summary>
    public bool WouldStart(string definition)
    {
        lock (_lock)
        {
            return _closed is null && HasSlotFor(definition);
        }
    }

    /// <summary>Returns the numbers of further resumed runs that the table takes now.</summary>
    public ExecutorCapacity GetCapacity()
    {
        lock (_lock)
        {
            _capacityReported = false;
            return _closed is null ? _capacity.Of(FreeSlots, _lanes) : ExecutorCapacity.None;
        }
    }

    /// <summary>Returns true, once until <see cref="GetCapacity"/> is called, if the table takes further resumed runs.</summary>
    public bool HasCapacityToReport()
    {
        lock (_lock)
        {
            if (_capacityReported || _closed is not null || !_capacity.IsAny(FreeSlots, _lanes))
            {
                return false;
            }

            _capacityReported = true;
            return true;
        }
    }

    /// <summary>Describes the limit for which further runs of a definition wait.</summary>
    public SlotLimit DescribeSlotLimit(string definition)
    {
        lock (_lock)
        {
            return LimitOf(definition);
        }
    }

    /// <summary>Describes the limit that a queued run waits for: that of its definition if it is reached, else that of all runs.</summary>
    private SlotLimit LimitOf(string definition) => _lanes.LimitReached(definition) is { } slots
        ? new SlotLimit(
            $"{DurableExecutorOptions.SectionName}:{nameof(DurableExecutorOptions.MaxRunningSagasByDefinition)}:{definition} = {slots.Limit}",
            LongestRunning(definition)) { Slots = slots }
        : new SlotLimit(
            $"{DurableExecutorOptions.SectionName}:{nameof(DurableExecutorOptions.MaxRunningSagas)} = {maxRunning}",
            LongestRunning(definition)) { Slots = new SlotUse(_running.Count - _lent, maxRunning) };

    /// <summary>Finds the saga that has had its slot longest among those that a queued run waits for.</summary>
    private SagaId? LongestRunning(string definition) =>
        _running.Where(run => run.Name == definition || _lanes.LimitReached(definition) is null).MinBy(run => run.SlotNumber)?.Id;
}
