using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>The steps of a pass have one order: a call out of order fails at once, not through a saga that runs twice a week later.</summary>
public class PassOrderTests
{
    private readonly StartInbox _inbox = new();
    private readonly SagaTracker _tracker;

    public PassOrderTests() => _tracker = new SagaTracker(_inbox, BackoffPolicy.Default);

    [Fact]
    public void A_pass_is_not_opened_while_the_one_before_is_open()
    {
        Open();
        Fails(() => Open()).WithMessage("*Pass 1 is still open*");
    }

    [Fact]
    public void A_pass_lists_once()
    {
        OpenedPass pass = Open();
        pass.BeginListing();
        Fails(() => pass.BeginListing())
            .WithMessage("A pass runs each step once: open, list, reconcile, plan, outcome. This pass is at step 'Listing'.");
    }

    [Fact]
    public void A_listing_of_another_pass_is_refused()
    {
        OpenedPass first = Open();
        CandidateListing stale = first.BeginListing();
        first.Fail("the database is away", Noon);
        OpenedPass second = Open();
        second.BeginListing();

        Fails(() => second.Reconcile(stale, RecoveryControls.None, Noon)).WithMessage("*another pass*");
    }

    [Fact]
    public void A_pass_that_has_not_listed_is_not_reconciled()
    {
        OpenedPass pass = Open();
        Fails(() => pass.Reconcile(null!, RecoveryControls.None, Noon));
    }

    [Fact]
    public void A_listing_is_spent_once()
    {
        OpenedPass pass = Open();
        CandidateListing listing = pass.BeginListing();
        pass.Reconcile(listing, RecoveryControls.None, Noon);

        Fails(() => pass.Reconcile(listing, RecoveryControls.None, Noon));
        Fails(() => listing.Add(new Candidate(Saga(1), "provision", AdoptGeneration.Initial))).WithMessage("*already been reconciled*");
        Fails(() => listing.AddUnreadable(Saga(1), "no state")).WithMessage("*already been reconciled*");
    }

    [Fact]
    public void A_reconciled_listing_is_planned_once() => Fails(() =>
    {
        OpenedPass pass = Open();
        ReconciledListing reconciled = pass.Reconcile(pass.BeginListing(), RecoveryControls.None, Noon);
        reconciled.MakePlan();
        reconciled.MakePlan();
    });

    [Fact]
    public void A_plan_has_one_outcome()
    {
        RecoveryPlan plan = Plan(Open());
        plan.BeginOutcome();
        Fails(() => plan.BeginOutcome());
    }

    [Fact]
    public void A_pass_whose_outcome_has_begun_is_ended_by_it_alone()
    {
        OpenedPass pass = Open();
        PassOutcome outcome = Plan(pass).BeginOutcome();
        Fails(() => pass.Fail("too late", Noon));
        outcome.Complete(Noon);
        Fails(() => pass.Fail("too late", Noon));
    }

    [Fact]
    public void A_pass_that_fails_before_its_plan_keeps_what_the_closing_drain_showed()
    {
        OpenedPass pass = Open();
        CandidateListing listing = pass.BeginListing();
        _inbox.Announce(Saga(1));
        pass.Reconcile(listing, RecoveryControls.None, Noon);

        pass.Fail("a fault between the drain and the plan", Noon).ObservedStarts.Should().Be(1);
    }

    [Fact]
    public void A_pass_that_fails_after_its_plan_is_over_and_keeps_its_count_of_starts()
    {
        OpenedPass pass = Open();
        _inbox.Announce(Saga(1));
        RecoveryPlan plan = Plan(pass);

        pass.Fail("a fault between plan and outcome", Noon).ObservedStarts.Should().Be(1);

        Fails(() => plan.BeginOutcome());
        Open().Start.Iteration.Should().Be(2);
    }

    [Fact]
    public void A_pass_completes_once()
    {
        PassOutcome outcome = Plan(Open()).BeginOutcome();
        outcome.Complete(Noon);
        Fails(() => outcome.Complete(Noon));
    }

    [Fact]
    public void A_failed_pass_is_over()
    {
        OpenedPass pass = Open();
        pass.Fail("the database is away", Noon);

        Fails(() => pass.Fail("again", Noon));
        Fails(() => pass.BeginListing());
        Open().Start.Iteration.Should().Be(2);
    }

    [Fact]
    public void A_saga_has_one_result()
    {
        PassOutcome outcome = Plan(Open()).BeginOutcome();
        outcome.Record(Saga(1), ResumeResult.Recovered.Instance, Noon);
        Fails(() => outcome.Record(Saga(1), ResumeResult.AlreadyRunning.Instance, Noon)).WithMessage($"*{Saga(1)}*");
    }

    [Fact]
    public void An_unlisted_saga_has_one_answer()
    {
        PassOutcome outcome = Plan(Open()).BeginOutcome();
        outcome.RecordUnlisted(Saga(1), RelinquishOutcome.NotRunning);
        Fails(() => outcome.RecordUnlisted(Saga(1), RelinquishOutcome.Relinquished)).WithMessage($"*{Saga(1)}*");
    }

    [Fact]
    public void A_result_that_comes_after_the_end_of_the_pass_is_not_lost_in_silence()
    {
        PassOutcome outcome = Plan(Open()).BeginOutcome();
        outcome.Complete(Noon);
        string tooLate = $"Pass 1 has ended. The result of saga {Saga(1)} was recorded too late.";
        Fails(() => outcome.Record(Saga(1), ResumeResult.Recovered.Instance, Noon)).WithMessage(tooLate);
        Fails(() => outcome.RecordUnlisted(Saga(1), RelinquishOutcome.NotRunning)).WithMessage(tooLate);
    }

    [Fact]
    public void A_completed_pass_makes_room_for_the_next()
    {
        PassReport first = Plan(Open()).BeginOutcome().Complete(Noon.AddSeconds(2));

        first.Duration.Should().Be(TimeSpan.FromSeconds(2));
        Open().Start.Should().Be(new PassStart(2, PassReason.Periodic, Noon));
    }

    private static RecoveryPlan Plan(OpenedPass pass) => pass.Reconcile(pass.BeginListing(), RecoveryControls.None, Noon).MakePlan();

    private static FluentAssertions.Specialized.ExceptionAssertions<InvalidOperationException> Fails(Action step) =>
        step.Should().Throw<InvalidOperationException>();

    private OpenedPass Open() => _tracker.OpenPass(PassReason.Periodic, Noon);
}
