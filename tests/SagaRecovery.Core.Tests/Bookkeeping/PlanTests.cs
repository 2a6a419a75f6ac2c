using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>One story for each row of the plan's table: what is listed and what is tracked decide the bucket.</summary>
public class PlanTests
{
    private readonly ScriptedProcess _process = new();

    [Fact]
    public void A_listed_saga_that_is_not_tracked_is_recovered()
    {
        _process.Database.LeftBehind(Saga(1), generation: 3);

        PassReport pass = _process.Pass(PassReason.Startup);

        pass.Recovered.Should().Be(1);
        _process.Executor.Running.Should().ContainKey(Saga(1)).WhoseValue.Should().Be(new AdoptGeneration(3));
        _process.Tracker.Tracked.Should().Be(1);
    }

    [Fact]
    public void A_saga_that_runs_here_is_skipped_whether_it_was_started_or_recovered_here()
    {
        _process.Database.LeftBehind(Saga(1));
        _process.Pass();
        _process.Start(Saga(2));

        PassReport pass = _process.Pass();

        pass.Skipped.Should().Be(2);
        pass.Recovered.Should().Be(0);
        _process.Executor.Reassigned.Should().Equal(Saga(1));
    }

    [Fact]
    public void A_saga_that_left_and_came_back_is_relinquished_at_the_old_generation_and_recovered_at_the_new()
    {
        _process.Start(Saga(1));
        _process.Pass();
        _process.Database.ReassignToOther(Saga(1));
        _process.Database.ReassignBack(Saga(1));
        _process.OpenPass();
        _process.List();

        _process.Plan().Readopted.Should().Equal(
            new ReadoptedSaga(new Candidate(Saga(1), "provision", new AdoptGeneration(3)), Previous: new AdoptGeneration(1)));
        PassReport pass = _process.Execute();

        pass.Should().Match<PassReport>(report => report.Readopted == 1 && report.Recovered == 1);
        _process.Executor.Running[Saga(1)].Should().Be(new AdoptGeneration(3));
        _process.Pass().Skipped.Should().Be(1);
    }

    [Fact]
    public void A_saga_that_left_and_came_back_before_its_start_was_confirmed_is_readopted_too()
    {
        ScriptedStart start = _process.Announce(Saga(1)).Insert().Run();
        _process.Database.ReassignToOther(Saga(1));
        _process.Database.ReassignBack(Saga(1));

        _process.Pass().Readopted.Should().Be(1);

        start.Confirm(); // of the old run: it changes nothing
        _process.Pass().Skipped.Should().Be(1);
        _process.Tracker.Tracked.Should().Be(1);
    }

    [Fact]
    public void A_readopted_saga_that_a_pass_did_not_reach_is_readopted_by_the_next_and_counted_once()
    {
        _process.Start(Saga(1));
        _process.Pass();
        _process.Database.ReassignToOther(Saga(1));
        _process.Database.ReassignBack(Saga(1));
        _process.OpenPass();
        _process.List();
        _process.Plan();

        PassReport cutShort = _process.Complete();
        PassReport next = _process.Pass();

        cutShort.Should().Match<PassReport>(report => report.Readopted == 0 && report.NotAttempted == 1);
        next.Should().Match<PassReport>(report => report.Readopted == 1 && report.Recovered == 1);
        _process.Report.Totals.Readopted.Should().Be(1);
    }

    [Theory]
    [InlineData(PassReason.Periodic, 1)]
    [InlineData(PassReason.Hint, 0)]
    [InlineData(PassReason.Startup, 0)]
    public void An_assigned_saga_that_a_periodic_pass_has_to_find_is_a_missed_hint(PassReason reason, int missed)
    {
        _process.Start(Saga(1));
        _process.Database.LeftBehind(Saga(2));
        _process.Pass();
        _process.Database.ReassignToOther(Saga(1));
        _process.Database.ReassignBack(Saga(1));

        _process.Pass(reason).MissedHints.Should().Be(missed);
        _process.Pass(reason).MissedHints.Should().Be(0, "it runs now");
    }

    [Fact]
    public void A_saga_that_is_missing_though_it_was_confirmed_before_the_listing_is_forgotten_at_once()
    {
        _process.Start(Saga(1));
        _process.Finish(Saga(1));

        PassReport pass = _process.Pass();

        pass.Should().Match<PassReport>(report => report.Removed == 1 && report.Reassigned == 0 && report.Found == 0);
        _process.Tracker.Tracked.Should().Be(0);
    }

    [Fact]
    public void A_recovered_saga_that_is_missing_is_forgotten_at_once()
    {
        _process.Database.LeftBehind(Saga(1));
        _process.Pass();
        _process.Finish(Saga(1));

        _process.Pass().Removed.Should().Be(1);

        _process.Tracker.Tracked.Should().Be(0);
    }

    [Fact]
    public void A_missing_saga_that_runs_here_was_reassigned_and_is_relinquished()
    {
        _process.Start(Saga(1));
        _process.Database.ReassignToOther(Saga(1));

        PassReport pass = _process.Pass();

        pass.Should().Match<PassReport>(report => report.Removed == 1 && report.Reassigned == 1);
        _process.Executor.Running.Should().BeEmpty();
        _process.Report.Totals.BadStateInExecutor.Should().Be(1);
    }

    [Fact]
    public void Forgetting_a_finished_saga_leaves_an_announcement_that_was_made_later()
    {
        _process.Start(Saga(1));
        _process.Finish(Saga(1));
        _process.OpenPass();
        ScriptedStart later = _process.Announce(Saga(1));
        _process.List();
        _process.Plan().NoLongerListed.Should().ContainSingle();
        _process.Execute();

        _process.Tracker.Tracked.Should().Be(1, "the later announcement stays");
        later.Withdraw();
        _process.Pass().Removed.Should().Be(0);
        _process.Tracker.Tracked.Should().Be(0);
    }

    [Fact]
    public void A_finished_saga_that_a_pass_did_not_reach_is_forgotten_by_the_next()
    {
        _process.Start(Saga(1));
        _process.Finish(Saga(1));
        _process.OpenPass();
        _process.List();
        _process.Plan();

        _process.Complete().Removed.Should().Be(0);

        _process.Tracker.Tracked.Should().Be(1);
        _process.Pass().Removed.Should().Be(1);
    }

    [Fact]
    public void A_saga_that_is_only_announced_is_kept_as_starting()
    {
        _process.Announce(Saga(1));

        _process.Pass().Starting.Should().Be(1);
        _process.Pass().Starting.Should().Be(1);

        _process.Tracker.Tracked.Should().Be(1);
    }

    [Fact]
    public void A_saga_confirmed_after_the_listing_began_is_kept_as_starting()
    {
        _process.OpenPass();
        _process.List();
        _process.Start(Saga(1));

        _process.Plan().Starting.Should().Equal(Saga(1));
        _process.Execute();

        _process.Pass().Skipped.Should().Be(1);
    }

    [Fact]
    public void A_saga_that_failed_backs_off_until_it_is_due()
    {
        _process.Database.LeftBehind(Saga(1));
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        _process.Pass();
        _process.OpenPass();
        _process.List();

        BackingOffSaga backingOff = _process.Plan().BackingOff.Should().ContainSingle().Subject;
        backingOff.NextTry.Should().BeAfter(_process.Now).And.Be(_process.Waiting(Saga(1))!.NextTry);
        _process.Execute().BackingOff.Should().Be(1);

        _process.Wait(backingOff.NextTry - _process.Now);
        _process.Pass(PassReason.Due).Failed.Should().Be(1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_run_of_a_saga_that_is_not_resumed_ends_if_its_generation_was_raised(bool isPaused)
    {
        _process.Start(Saga(1));
        _process.Pass();
        _process.Database.ReassignToOther(Saga(1));
        _process.Database.ReassignBack(Saga(1)); // an operator's change of its log raises the generation, too
        if (isPaused)
        {
            _process.Pause = new RecoveryPause(_process.Now, new OperatorNote("ann", "maintenance"));
        }
        else
        {
            _process.Held.Add(Saga(1));
        }

        PassReport pass = _process.Pass();

        (pass.Held, pass.Paused, pass.Readopted).Should().Be((isPaused ? 0 : 1, isPaused ? 1 : 0, 0));
        _process.Executor.Running.Should().BeEmpty();
        _process.Tracker.Observe(Saga(1), _process.Now).Run.Should().BeNull("the process knows that it does not run the saga");
        _process.OpenPass();
        _process.List();
        _process.Plan().Outdated.Should().BeEmpty();
        _process.Execute();

        _process.Pause = null;
        _process.Held.Clear();
        _process.Pass().Recovered.Should().Be(1);
    }

    [Fact]
    public void A_held_saga_is_recovered_only_when_it_is_released()
    {
        _process.Database.LeftBehind(Saga(1));
        _process.Held.Add(Saga(1));

        _process.Pass().Held.Should().Be(1);
        _process.Pass(PassReason.Explicit).Held.Should().Be(1);
        _process.Executor.Reassigned.Should().BeEmpty();

        _process.Held.Remove(Saga(1));
        _process.Pass().Recovered.Should().Be(1);
    }

    [Fact]
    public void Holding_a_saga_that_runs_here_does_not_stop_it()
    {
        _process.Start(Saga(1));
        _process.Held.Add(Saga(1));

        _process.Pass().Should().Match<PassReport>(report => report.Skipped == 1 && report.Held == 0);
    }

    [Fact]
    public void An_unreadable_saga_is_shown_by_id_and_neither_recovered_nor_taken_for_finished()
    {
        _process.Database.LeftBehind(Saga(1));
        _process.Start(Saga(2));
        _process.Database.SetReadable(Saga(1), readable: false);
        _process.Database.SetReadable(Saga(2), readable: false);
        _process.OpenPass();
        _process.List();

        _process.Plan().Unreadable.Select(saga => saga.SagaId).Should().Equal(Saga(1), Saga(2));
        PassReport pass = _process.Execute();

        pass.Should().Match<PassReport>(report => report.Unreadable == 2 && report.Found == 2 && report.Removed == 0);
        _process.Tracker.Tracked.Should().Be(1);
        _process.Executor.Reassigned.Should().BeEmpty();
        _process.Tracker.Waiting.Should().ContainSingle("the other one runs").Which.SagaId.Should().Be(Saga(1));
        _process.Waiting(Saga(1)).Should().Be(
            new WaitingSaga(Saga(1), Name: "", WaitingKind.Unreadable, _process.Now, Failures: 0, NextTry: null, "state 'sideways' is unknown"), "its name could not be read");

        _process.Database.SetReadable(Saga(1), readable: true);
        _process.Pass().Recovered.Should().Be(1);
        _process.Tracker.Waiting.Should().BeEmpty();
    }

    [Fact]
    public void A_failed_saga_whose_row_became_unreadable_keeps_its_name_and_its_failures()
    {
        _process.Database.LeftBehind(Saga(1));
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        _process.Pass();
        _process.Database.SetReadable(Saga(1), readable: false);

        _process.Pass();

        _process.Waiting(Saga(1)).Should().Match<WaitingSaga>(saga => saga.Name == "provision" && saga.Failures == 1);
    }
}
