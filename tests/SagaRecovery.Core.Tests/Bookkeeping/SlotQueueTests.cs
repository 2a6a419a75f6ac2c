using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

public class SlotQueueTests
{
    private readonly SagaTracker _tracker = new(new StartInbox(), BackoffPolicy.Default);

    [Fact]
    public void What_the_executor_does_not_take_waits_for_a_slot_and_is_in_a_bucket_of_its_own()
    {
        RecoveryPlan plan = Pass(new ExecutorCapacity(2), Listed("a", 1, 5));

        plan.Recover.Select(saga => saga.SagaId).Should().Equal(Saga(1), Saga(2));
        plan.WaitingForSlot.Should().Be(3);
        _tracker.SlotBacklog.Should().Equal(new SlotBacklog("a", 3, Noon));
        (_tracker.Tracked, _tracker.Waiting.Count, _tracker.IdleSince).Should().Be((2, 0, null));
    }

    [Fact]
    public void A_saga_that_waits_is_planned_again_without_another_entry_and_keeps_its_place()
    {
        Pass(ExecutorCapacity.None, Listed("a", 5, 5));

        RecoveryPlan second = Pass(new ExecutorCapacity(1), [.. Listed("a", 1, 4), .. Listed("a", 5, 5)]);

        second.Recover.Single().SagaId.Should().Be(Saga(5), "it has waited longest");
        second.WaitingForSlot.Should().Be(4);
    }

    [Fact]
    public void Definitions_take_turns_so_that_one_with_many_sagas_does_not_keep_the_others_waiting()
    {
        Pass(ExecutorCapacity.None, [.. Listed("many", 1, 1_000), .. Listed("few", 1_001, 1_003), .. Listed("one", 1_004, 1_004)]);

        Refill(new ExecutorCapacity(8)).Select(saga => saga.Name).Should().Equal("many", "few", "one", "many", "few", "many", "few", "many");
    }

    [Fact]
    public void A_definition_at_its_own_limit_does_not_keep_another_one_waiting()
    {
        Pass(ExecutorCapacity.None, [.. Listed("limited", 1, 1_000), .. Listed("other", 1_001, 1_003)]);

        Refill(new ExecutorCapacity(10) { ByDefinition = new Dictionary<string, int> { ["limited"] = 1 } })
            .Select(saga => saga.Name).Should().BeEquivalentTo("limited", "other", "other", "other");
    }

    [Fact]
    public void A_saga_at_a_newer_generation_keeps_its_place_and_is_resumed_at_the_newer_one()
    {
        Pass(ExecutorCapacity.None, Listed("a", 1, 2));
        Pass(ExecutorCapacity.None, [Listed("a", 1, 1)[0] with { Generation = new AdoptGeneration(3) }, .. Listed("a", 2, 2)]);

        Refill(new ExecutorCapacity(1)).Single().Should().Be(new Candidate(Saga(1), "a", new AdoptGeneration(3)));
    }

    [Fact]
    public void A_saga_that_is_no_longer_listed_leaves_the_queue_and_the_executor_is_not_asked()
    {
        Pass(ExecutorCapacity.None, Listed("a", 1, 3));

        RecoveryPlan plan = Pass(ExecutorCapacity.None, Listed("a", 2, 2));

        (plan.NoLongerListed.Count, plan.WaitingForSlot).Should().Be((0, 1));
        Refill(new ExecutorCapacity(9)).Single().SagaId.Should().Be(Saga(2));
    }

    [Fact]
    public void A_saga_without_a_result_waits_again_in_its_former_place()
    {
        Pass(ExecutorCapacity.None, Listed("a", 1, 4));
        Refill failed = _tracker.BeginRefill(new ExecutorCapacity(3), 10, RecoveryControls.None, Noon);
        failed.Record(Saga(2), ResumeResult.Recovered.Instance, Noon);

        RefillReport report = failed.Complete();

        (report.Taken, report.Recovered, report.NotAttempted).Should().Be((3, 1, 2));
        Refill(new ExecutorCapacity(9)).Select(saga => saga.SagaId).Should().Equal(Saga(1), Saga(3), Saga(4));
    }

    [Fact]
    public void A_saga_that_failed_in_a_refill_backs_off_and_then_waits_for_a_slot_again()
    {
        Pass(ExecutorCapacity.None, Listed("a", 1, 1));
        Refill refill = _tracker.BeginRefill(new ExecutorCapacity(1), 10, RecoveryControls.None, Noon);
        refill.Record(Saga(1), new ResumeResult.Failed("time-out"), Noon);
        refill.Complete();

        _tracker.Waiting.Single().Reason.Should().Be("time-out");
        Pass(ExecutorCapacity.None, Listed("a", 1, 1)).BackingOff.Should().ContainSingle();
        Pass(ExecutorCapacity.None, Listed("a", 1, 1), now: Noon.AddHours(1)).WaitingForSlot.Should().Be(1);
        _tracker.Waiting.Should().BeEmpty("it does not wait for a retry any more");
    }

    [Fact]
    public void A_held_saga_leaves_the_queue_at_its_turn_although_no_pass_has_seen_the_hold()
    {
        Pass(ExecutorCapacity.None, Listed("a", 1, 2));
        var controls = new RecoveryControls { Held = [new HeldSaga(Saga(1), "a", Noon, new OperatorNote("ann", "broken"))] };

        _tracker.BeginRefill(new ExecutorCapacity(9), 10, controls, Noon).Sagas.Single().SagaId.Should().Be(Saga(2));
    }

    [Fact]
    public void A_held_saga_leaves_the_queue_at_the_next_pass()
    {
        Pass(ExecutorCapacity.None, Listed("a", 1, 2));
        var controls = new RecoveryControls { Held = [new HeldSaga(Saga(1), "a", Noon, new OperatorNote("ann", "broken"))] };

        RecoveryPlan plan = Pass(ExecutorCapacity.None, Listed("a", 1, 2), controls);

        (plan.Held.Count, plan.WaitingForSlot).Should().Be((1, 1));
    }

    [Fact]
    public void A_pause_empties_the_queue_and_afterwards_the_sagas_are_idle_since_they_first_waited()
    {
        Pass(ExecutorCapacity.None, Listed("a", 1, 2));
        var paused = new RecoveryControls { Paused = new RecoveryPause(Noon, new OperatorNote("ann", "maintenance")) };

        RecoveryPlan plan = Pass(ExecutorCapacity.None, Listed("a", 1, 2), paused, Noon.AddMinutes(5));

        (plan.Paused.Count, plan.WaitingForSlot, _tracker.WaitingForSlot).Should().Be((2, 0, 0));
        Pass(ExecutorCapacity.None, Listed("a", 1, 2), now: Noon.AddMinutes(9));
        _tracker.SlotBacklog.Single().Since.Should().Be(Noon);
    }

    [Fact]
    public void A_dry_run_reports_who_would_wait_and_queues_no_saga()
    {
        OpenedPass pass = _tracker.OpenDryRun(Noon);
        RecoveryPlan plan = pass.Reconcile(List(pass, Listed("a", 1, 5)), RecoveryControls.None, Noon).MakePlan(new ExecutorCapacity(2));

        plan.ToReport(Noon).Buckets.Where(bucket => bucket.Count > 0).Select(bucket => (bucket.Name, bucket.Count))
            .Should().Equal(("recover", 2), ("waiting for a slot", 3));
        plan.BeginOutcome().Complete(Noon);
        _tracker.WaitingForSlot.Should().Be(0);
    }

    [Fact]
    public void Passes_and_refills_do_not_overlap()
    {
        Refill refill = _tracker.BeginRefill(null, 10, RecoveryControls.None, Noon);

        _tracker.Invoking(tracker => tracker.OpenPass(PassReason.Explicit, Noon)).Should().Throw<InvalidOperationException>();
        refill.Complete();
        _tracker.OpenPass(PassReason.Explicit, Noon);
        _tracker.Invoking(tracker => tracker.BeginRefill(null, 10, RecoveryControls.None, Noon)).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public void A_queue_whose_sagas_come_and_go_does_not_grow()
    {
        Candidate[] sagas = Listed("a", 1, 5_000);
        var queue = new SlotQueue();
        for (int round = 1; round <= 100; round++)
        {
            queue.BeginPlan(round);
            foreach (Candidate saga in sagas)
            {
                queue.Remove(saga.SagaId);
            }

            foreach (Candidate saga in sagas)
            {
                queue.Enqueue(saga, Noon);
            }
        }

        queue.Ids.Should().BeLessThan(2 * sagas.Length + 1_100);
        queue.Take(capacity: null, int.MaxValue, (_, _) => true).Select(saga => saga.SagaId).Should().Equal(sagas.Select(saga => saga.SagaId));
    }

    /// <summary>Ids, names and generations of sagas with consecutive numbers.</summary>
    private static Candidate[] Listed(string definition, int first, int last) =>
        [.. Enumerable.Range(first, last - first + 1).Select(number => new Candidate(Saga(number), definition, AdoptGeneration.Initial))];

    private static CandidateListing List(OpenedPass pass, Candidate[] listed)
    {
        CandidateListing listing = pass.BeginListing();
        foreach (Candidate candidate in listed)
        {
            listing.Add(candidate);
        }

        return listing;
    }

    /// <summary>Runs a pass in which the executor resumes each saga that it takes.</summary>
    private RecoveryPlan Pass(ExecutorCapacity capacity, Candidate[] listed, RecoveryControls? controls = null, DateTimeOffset? now = null)
    {
        OpenedPass pass = _tracker.OpenPass(PassReason.Periodic, now ?? Noon);
        RecoveryPlan plan = pass.Reconcile(List(pass, listed), controls ?? RecoveryControls.None, now ?? Noon).MakePlan(capacity);
        PassOutcome outcome = plan.BeginOutcome();
        foreach (Candidate candidate in plan.Recover)
        {
            outcome.Record(candidate.SagaId, ResumeResult.Recovered.Instance, Noon);
        }

        Laws.FoundSagasAreAllAccountedFor(outcome.Complete(now ?? Noon));
        return plan;
    }

    private IReadOnlyList<Candidate> Refill(ExecutorCapacity capacity)
    {
        Refill refill = _tracker.BeginRefill(capacity, 10_000, RecoveryControls.None, Noon);
        foreach (Candidate candidate in refill.Sagas)
        {
            refill.Record(candidate.SagaId, ResumeResult.Recovered.Instance, Noon);
        }

        refill.Complete().NotAttempted.Should().Be(0);
        return refill.Sagas;
    }
}
