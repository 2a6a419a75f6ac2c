using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>The memory cost of a pass over sagas that all run here. Allocations are exact; timings belong to the benchmarks.</summary>
public class PlanningAllocationTests
{
    private const int Sagas = 100_000;
    private const int Bound = 1_024; // the plan, its empty lists, the closing drain: the same for one saga and for a million

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

    private long MeasurePlanning()
    {
        OpenedPass pass = _tracker.OpenPass(PassReason.Periodic, Noon);
        CandidateListing listing = pass.BeginListing();
        for (int number = 0; number < Sagas; number++)
        {
            listing.Add(new Candidate(Saga(number), "provision", AdoptGeneration.Initial));
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        RecoveryPlan plan = pass.Reconcile(listing, RecoveryControls.None, Noon).MakePlan();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        plan.BeginOutcome().Complete(Noon).Skipped.Should().Be(Sagas);
        return allocated;
    }
}
