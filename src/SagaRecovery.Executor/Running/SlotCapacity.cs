using SagaRecovery.Bookkeeping;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// Decides how many resumed runs a <see cref="RunTable"/> takes: as many as have a slot, and some that wait for one, so that no slot is free
/// while recovery loads the next. The rest costs its id in recovery. Not thread-safe: the lock of the table guards it.
/// </summary>
/// <param name="maxRunning">The number of runs at a time.</param>
/// <param name="limits">The number of runs of single definitions at a time, by name.</param>
internal sealed class SlotCapacity(int maxRunning, IReadOnlyDictionary<string, int> limits)
{
    /// <summary>The bounds of the resumed runs that wait for a slot. A run takes 8 to 9 KB.</summary>
    private const int MinQueued = 200;
    private const int MaxQueued = 1_000;

    /// <summary>The bounds for definitions with a limit of their own: for one of them, and for all together.</summary>
    private const int MinQueuedOfOne = 16;
    private const int MaxQueuedOfAll = 4_000;

    private readonly int _queued = Math.Clamp(maxRunning, MinQueued, MaxQueued);
    private readonly int _queuedOfOne = Math.Clamp(MaxQueuedOfAll / Math.Max(1, limits.Count), MinQueuedOfOne, MaxQueued);

    /// <summary>Returns the numbers of further resumed runs.</summary>
    /// <param name="freeSlots">The number of free slots.</param>
    /// <param name="lanes">The slots of each definition.</param>
    public ExecutorCapacity Of(int freeSlots, RunLanes lanes) => new(Shared(freeSlots, lanes))
    {
        ByDefinition = limits.Keys.ToDictionary(definition => definition, definition => Own(definition, lanes), StringComparer.Ordinal),
    };

    /// <summary>Returns true if any of the numbers is above 0.</summary>
    public bool IsAny(int freeSlots, RunLanes lanes) => Shared(freeSlots, lanes) > 0 || limits.Keys.Any(definition => Own(definition, lanes) > 0);

    private int Shared(int freeSlots, RunLanes lanes) => Further(Math.Max(0, freeSlots), lanes.SharedResumed, _queued);

    private int Own(string definition, RunLanes lanes) => lanes.CountOwn(definition) is var (free, resumed)
        ? Further(Math.Clamp(free, 0, maxRunning), resumed, Math.Min(_queuedOfOne, Math.Max(MinQueuedOfOne, limits[definition])))
        : 0;

    /// <summary>Nothing while many wait: recovery then loads larger batches, and fewer of them.</summary>
    private static int Further(int free, int queued, int mayQueue) => queued > mayQueue / 2 ? 0 : free + mayQueue - queued;
}
