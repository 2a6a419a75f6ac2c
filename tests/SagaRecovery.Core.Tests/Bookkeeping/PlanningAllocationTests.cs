using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>The memory cost of a pass over sagas that all run here. Allocations are exact; timings belong to the benchmarks.</summary>
public class PlanningAllocationTests
{
    private const int Sagas = 100_000;
    private const int Bound = 2_048; // the plan, its empty lists, the closing drain: the same for one saga and for a million

    private readonly StartInbox _inbox = new();
    private readonly SagaTracker _tracker;

    public PlanningAllocationTests() => _tracker = new SagaTracker(_inbox, BackoffPolicy.Default);

    [Fact]
    public void Planning_a_pass_over_known_sagas_allocates_nothing_for_each_of_them()
    {
        for (int number = 0; number < Sagas; number++)
        {
            _inbox.Confirm(_inbox.Announce(Saga(number)), AdoptGeneration.Initial);
        }

        MeasurePlanning(); // the first pass grows what the later ones reuse

        // A collection in the midst of one, begun by another thread, charges it with what was left of this thread's allocation buffer.
        Enumerable.Range(0, 5).Min(_ => MeasurePlanning()).Should().BeLessThan(Bound);
    }

    [Fact]
    public void Planning_a_pass_over_sagas_that_wait_for_a_slot_allocates_nothing_for_each_of_them()
    {
        MeasurePlanning(ExecutorCapacity.None);

        Enumerable.Range(0, 5).Min(_ => MeasurePlanning(ExecutorCapacity.None)).Should().BeLessThan(Bound);
    }

    private long MeasurePlanning(ExecutorCapacity? capacity = null)
    {
        OpenedPass pass = _tracker.OpenPass(PassReason.Periodic, Noon);
        CandidateListing listing = pass.BeginListing();
        for (int number = 0; number < Sagas; number++)
        {
            listing.Add(new Candidate(Saga(number), "provision", AdoptGeneration.Initial));
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        RecoveryPlan plan = pass.Reconcile(listing, RecoveryControls.None, Noon).MakePlan(capacity);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        PassReport report = plan.BeginOutcome().Complete(Noon);
        (capacity is null ? report.Skipped : report.WaitingForSlot).Should().Be(Sagas);
        return allocated;
    }
}
