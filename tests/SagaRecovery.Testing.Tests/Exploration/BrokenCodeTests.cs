
namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>The explorer can fail: each rule of the design, broken in the real code, is found and reported with a short counterexample.</summary>
[Collection(Alone.Name)]
public sealed class BrokenCodeTests(ITestOutputHelper output)
{
    [Fact]
    public Task Without_the_drain_after_the_listing_a_saga_runs_twice() => IsFoundAsync(
        nameof(KnownBounds.OneStart),
        Promise.NeverTwice,
        new BrokenCode("SagaRecovery.Core", ("OpenedPass.cs", "        listing.Close();\n        (ClosingStarts, ClosingDrain) = _tracker.Drain(now);", "        listing.Close();")));

    [Fact]
    public Task Without_the_drain_before_the_listing_a_running_saga_is_forgotten() => IsFoundAsync(
        nameof(KnownBounds.OneStart),
        Promise.NeverForgotten,
        new BrokenCode(
            "SagaRecovery.Core",
            ("SagaTracker.cs", "DrainedStarts drained = Drain(now).Starts;", "var drained = new DrainedStarts([], [], []);"),
            ("SagaTracker.Planning.cs", "saga.WasSettledBy(plan.Pass.OpeningDrain)", "saga.IsRunning")));

    [Fact]
    public Task With_the_two_miss_rule_in_place_of_the_lease_a_saga_runs_twice() => IsFoundAsync(
        nameof(KnownBounds.ManyPasses),
        Promise.NeverTwice,
        new BrokenCode(
            "SagaRecovery.Core",
            ("TrackedSaga.cs", "    public long ListedInPass;", "    public long ListedInPass; public int Missed;"),
            ("TrackedSaga.cs", "RemoveLeases(lease => lease.WasConfirmedBy(drain));", "RemoveLeases(_ => true);"),
            ("SagaTracker.Planning.cs", "saga.ListedInPass = pass;", "saga.ListedInPass = pass; saga.Missed = 0;"),
            ("SagaTracker.cs", "            switch (message.Kind)", "            saga.Missed = 0;\n            switch (message.Kind)"),
            ("SagaTracker.Planning.cs", "if (saga.WasSettledBy(plan.Pass.OpeningDrain))", "if (++saga.Missed > 1)")));

    [Fact]
    public Task Without_the_generation_in_the_tracker_a_saga_that_came_back_is_lost() => IsFoundAsync(
        nameof(KnownBounds.OneStart),
        Promise.NeverLost,
        new BrokenCode("SagaRecovery.Core", ("SagaTracker.Planning.cs", "if (known && !endLost && saga.Generation >= candidate.Generation)", "if (known)")));

    [Fact]
    public Task A_withdrawal_that_takes_the_other_lease_along_makes_a_saga_run_twice() => IsFoundAsync(
        nameof(KnownBounds.TwoStarts),
        Promise.NeverTwice,
        new BrokenCode("SagaRecovery.Core", ("TrackedSaga.cs", "RemoveLeases(lease => lease.Number == number);", "RemoveLeases(_ => true);")));

    [Fact]
    public Task Without_the_fence_a_zombie_and_its_successor_both_write() => IsFoundAsync(
        nameof(KnownBounds.OneStart),
        Promise.OneOwner,
        new BrokenCode("SagaRecovery.Testing", ("InMemorySagaStore.cs", "if (present is null || present.Token != member.Token || present.ServerRun != _serverRun)", "if (present is null)"), ("InMemorySagaStore.cs", "if (present is not null && !lineage.Contains(present.Token))", "if (present is null)")));

    [Fact]
    public Task An_interrupted_run_that_stays_tracked_loses_its_saga() => IsFoundAsync(
        nameof(KnownBounds.Faults),
        Promise.NeverLost,
        new BrokenCode("SagaRecovery.Core", ("TrackedSaga.cs", "        _interruptedGeneration = Math.Max(_interruptedGeneration, upTo.Value);\n        _lastReportDrain = drain;\n        ForgetRunsUpTo(upTo);", "")));

    [Fact]
    public Task A_lost_end_that_is_not_reported_to_the_tracker_loses_its_saga() => IsFoundAsync(
        nameof(KnownBounds.Losses),
        Promise.NeverLost,
        new BrokenCode("SagaRecovery.Core", ("TrackedSaga.cs", "        _endedGeneration = Math.Max(_endedGeneration, upTo.Value);\n        _lastReportDrain = drain;\n        ForgetRunsUpTo(upTo);", "")));

    [Fact]
    public Task A_lost_end_that_no_plan_considers_loses_its_saga() => IsFoundAsync(
        nameof(KnownBounds.Losses),
        Promise.NeverLost,
        new BrokenCode("SagaRecovery.Core", ("SagaTracker.Planning.cs", "bool endLost = known && saga.HadEndedBy(plan.Pass.OpeningDrain);", "bool endLost = false;")));

    [Fact]
    public Task A_store_that_takes_the_success_of_a_cancelled_saga_is_found() => IsFoundAsync(
        nameof(KnownBounds.Cancellations),
        Promise.CancellationIsObeyed,
        new BrokenCode("SagaRecovery.Testing", ("InMemorySagaStore.Row.cs", "IsInProgress && Cancellation is not null && entry.NewState is SagaState.Succeeded;", "false;")));

    [Fact]
    public Task A_report_that_swaps_two_counts_is_found() => IsFoundAsync(
        nameof(KnownBounds.OneStart),
        Promise.TrueReport,
        new BrokenCode("SagaRecovery.Core", ("PassOutcome.cs", "Removed = tally.Removed,", "Removed = _plan.AlreadyRunning.Count,")));

    private async Task IsFoundAsync(string bounds, Promise promise, BrokenCode code)
    {
        string? counterexample = await code.ExploreAsync(bounds, promise);

        output.WriteLine(counterexample ?? "nothing was found");
        counterexample.Should().NotBeNull();
        counterexample!.Split('\n').Should().HaveCountLessThan(20, "a person can read it");
    }
}
