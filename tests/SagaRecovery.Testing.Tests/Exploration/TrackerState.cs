using System.Runtime.CompilerServices;
using SagaRecovery.Bookkeeping;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>
/// The state of a real tracker, read from its fields. Numbers that only ever rise (drains, passes) are left out in favour of what they
/// are compared with, or no two states would ever be the same.
/// </summary>
internal static class TrackerState
{
    public static bool Tracks(SagaTracker tracker, SagaId sagaId) => !Unsafe.IsNullRef(ref Tracked(tracker).Find(sagaId));

    public static bool Waits(SagaTracker tracker, SagaId sagaId) => Entries(Waiting(tracker)).ContainsKey(sagaId);

    /// <param name="tracker">The tracker of the process.</param>
    /// <param name="sagaId">The saga.</param>
    /// <param name="startOfLease">The start of each lease, by its number, from 1.</param>
    /// <param name="to">The destination.</param>
    public static void Add(SagaTracker tracker, SagaId sagaId, IReadOnlyList<int> startOfLease, Fingerprint to)
    {
        long openingDrain = Open(tracker)?.OpeningDrain ?? long.MaxValue; // between passes, the next one will find all of it settled
        ref TrackedSaga saga = ref Tracked(tracker).Find(sagaId);
        to.Add(!Unsafe.IsNullRef(ref saga));
        if (!Unsafe.IsNullRef(ref saga))
        {
            to.Add((int)RecoveredAt(ref saga));
            to.Add((int)InterruptedAt(ref saga));
            to.Add((int)EndedAt(ref saga));
            to.Add(saga.HadEndedBy(openingDrain));
            to.Add(saga.PriorFailures);
            IEnumerable<TrackedLease> leases = [First(ref saga), .. Others(ref saga) ?? []];
            foreach (TrackedLease lease in leases.Where(lease => lease.Number != 0).OrderBy(lease => startOfLease[(int)lease.Number - 1]))
            {
                to.Add(startOfLease[(int)lease.Number - 1]);
                to.Add((int)lease.ConfirmedGeneration);
                to.Add(lease.AnnouncedAfterListing);
                to.Add(lease.WasConfirmedBy(openingDrain));
            }
        }

        bool waits = Entries(Waiting(tracker)).TryGetValue(sagaId, out WaitingSagas.Entry entry);
        to.Add(waits ? entry.Failures : -1);
        to.Add((int)entry.Generation.Value);
        to.Add(entry.NextTry is not null);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_tracked")]
    private static extern ref SagaTable<TrackedSaga> Tracked(SagaTracker tracker);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_waiting")]
    private static extern ref WaitingSagas Waiting(SagaTracker tracker);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_openPass")]
    private static extern ref OpenedPass? Open(SagaTracker tracker);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_entries")]
    private static extern ref Dictionary<SagaId, WaitingSagas.Entry> Entries(WaitingSagas waiting);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_recoveredGeneration")]
    private static extern ref long RecoveredAt(ref TrackedSaga saga);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_interruptedGeneration")]
    private static extern ref long InterruptedAt(ref TrackedSaga saga);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_endedGeneration")]
    private static extern ref long EndedAt(ref TrackedSaga saga);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_firstLease")]
    private static extern ref TrackedLease First(ref TrackedSaga saga);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_otherLeases")]
    private static extern ref List<TrackedLease>? Others(ref TrackedSaga saga);
}
