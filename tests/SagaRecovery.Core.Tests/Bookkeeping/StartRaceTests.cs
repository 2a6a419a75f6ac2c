using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>Starts and passes at the same time, each interleaving forced step by step. Why two drains: see <c>OpenedPass</c>.</summary>
public class StartRaceTests
{
    private readonly ScriptedProcess _process = new();

    [Fact]
    public void A_saga_listed_before_its_announcement_was_read_is_not_run_twice()
    {
        _process.OpenPass();
        ScriptedStart start = _process.Announce(Saga(1)).Insert();
        _process.List();

        _process.Plan().AlreadyRunning.Should().Equal(Saga(1));
        _process.Execute();

        start.Confirm();
        _process.Pass().Skipped.Should().Be(1);
        _process.Executor.Reassigned.Should().BeEmpty();
    }

    [Fact]
    public void A_saga_confirmed_only_after_the_listing_began_is_not_taken_for_finished()
    {
        ScriptedStart start = _process.Announce(Saga(1));
        _process.OpenPass();
        _process.List();
        start.Insert().Confirm();

        _process.Plan().NoLongerListed.Should().BeEmpty();
        _process.Execute().Starting.Should().Be(1);

        _process.Pass().Skipped.Should().Be(1);
        _process.Executor.Reassigned.Should().BeEmpty();
    }

    [Fact]
    public void Two_passes_that_complete_inside_one_slow_insert_do_not_forget_the_saga()
    {
        ScriptedStart start = _process.Announce(Saga(1));
        _process.Pass().Starting.Should().Be(1);
        _process.Pass().Starting.Should().Be(1);
        start.Insert().Run();

        _process.Pass().Should().Match<PassReport>(report => report.Skipped == 1 && report.Recovered == 0);

        start.Confirm();
        _process.Executor.Reassigned.Should().BeEmpty();
    }

    [Fact]
    public void A_saga_that_finished_before_any_pass_read_its_start_is_forgotten_at_once()
    {
        _process.Start(Saga(1));
        _process.Finish(Saga(1));

        _process.Pass().Should().Match<PassReport>(report => report.Removed == 1 && report.ObservedStarts == 1);
    }

    [Fact]
    public void A_saga_that_finished_between_the_drains_is_forgotten_by_the_pass_after()
    {
        _process.OpenPass();
        _process.Start(Saga(1));
        _process.Finish(Saga(1));
        _process.List();
        _process.Plan().Starting.Should().Equal([Saga(1)], "it may as well be too new for the listing");
        _process.Execute();

        _process.Pass().Removed.Should().Be(1);
        _process.Tracker.Tracked.Should().Be(0);
    }

    [Fact]
    public void A_start_that_was_withdrawn_leaves_nothing()
    {
        _process.Announce(Saga(1)).LoseInsert().Withdraw();

        _process.Pass().Should().Match<PassReport>(report => report.ObservedStarts == 1 && report.Starting == 0 && report.Removed == 0);

        _process.Tracker.Tracked.Should().Be(0);
    }

    [Fact]
    public void A_withdrawn_start_whose_row_landed_after_all_is_recovered_by_a_later_pass()
    {
        ScriptedStart start = _process.Announce(Saga(1));
        _process.Database.TryInsert(Saga(1)); // the commit's answer was lost
        start.LoseInsert();
        _process.Pass().Should().Match<PassReport>(report => report.Skipped == 1 && report.Recovered == 0);

        start.Withdraw();

        _process.Pass().Recovered.Should().Be(1);
        _process.Executor.Running.Should().ContainKey(Saga(1));
    }

    [Fact]
    public void Withdrawing_one_of_two_starts_of_an_id_leaves_the_other()
    {
        ScriptedStart first = _process.Announce(Saga(1));
        ScriptedStart second = _process.Announce(Saga(1));
        first.Insert();
        second.TryInsert().Should().BeFalse();
        second.Withdraw();

        _process.Pass().Should().Match<PassReport>(report => report.Skipped == 1 && report.Recovered == 0);

        first.Confirm();
        _process.Finish(Saga(1));
        _process.Pass().Removed.Should().Be(1);
        _process.Tracker.Tracked.Should().Be(0);
    }

    [Theory]
    [InlineData(0, 1, 2)]
    [InlineData(1, 0, 2)]
    [InlineData(1, 2, 0)]
    [InlineData(2, 0, 1)]
    public void Withdrawing_two_of_three_starts_leaves_the_one_that_succeeded(int cameThrough, int firstWithdrawn, int lastWithdrawn)
    {
        ScriptedStart[] starts = [_process.Announce(Saga(1)), _process.Announce(Saga(1)), _process.Announce(Saga(1))];
        starts[firstWithdrawn].LoseInsert().Withdraw();
        starts[lastWithdrawn].LoseInsert().Withdraw();
        _process.Pass().Starting.Should().Be(1);
        starts[cameThrough].Insert().Confirm();

        _process.Pass().Skipped.Should().Be(1);

        _process.Finish(Saga(1));
        _process.Pass().Removed.Should().Be(1);
        _process.Tracker.Tracked.Should().Be(0);
    }

    [Fact]
    public void A_second_start_that_succeeded_and_finished_is_forgotten_while_the_first_is_under_way()
    {
        ScriptedStart first = _process.Announce(Saga(1)).LoseInsert();
        _process.Start(Saga(1));
        _process.Finish(Saga(1));

        _process.Pass().Should().Match<PassReport>(report => report.Removed == 1 && report.Starting == 0);
        _process.Pass().Should().Match<PassReport>(report => report.Removed == 0 && report.Starting == 1, "the first may land later");

        first.Withdraw();
        _process.Pass().Starting.Should().Be(0);
        _process.Tracker.Tracked.Should().Be(0);
    }

    [Fact]
    public void A_confirmation_of_a_start_that_was_withdrawn_changes_nothing()
    {
        StartLease withdrawn = _process.Inbox.Announce(Saga(1));
        _process.Inbox.Withdraw(withdrawn);
        _process.Inbox.Confirm(withdrawn, AdoptGeneration.Initial);

        _process.Pass().Should().Match<PassReport>(
            report => report.Starting == 0 && report.Removed == 0 && report.ProtocolViolations == 0);
        _process.Tracker.Tracked.Should().Be(0);
    }

    [Fact]
    public void A_caller_that_inserts_first_and_announces_later_is_counted_as_a_violation()
    {
        _process.Database.TryInsert(Saga(1));
        _process.Pass().Recovered.Should().Be(1, "its start here was never announced");
        ScriptedStart late = _process.Announce(Saga(1));
        late.Run().Confirm();

        PassReport pass = _process.Pass();

        pass.Should().Match<PassReport>(report => report.ProtocolViolations == 1 && report.Skipped == 1);
        _process.Report.Totals.ProtocolViolations.Should().Be(1);
    }

    [Fact]
    public void A_caller_that_inserts_first_is_counted_too_when_the_resume_failed_and_is_not_shown_as_waiting()
    {
        _process.Database.TryInsert(Saga(1));
        _process.Executor.BeginsButThrows(Saga(1));
        _process.Pass().Failed.Should().Be(1);
        _process.Announce(Saga(1)).Run().Confirm();

        _process.Pass().Should().Match<PassReport>(report => report.ProtocolViolations == 1 && report.Skipped == 1);

        _process.Tracker.Waiting.Should().BeEmpty("it runs here now");
    }

    [Fact]
    public void A_caller_that_inserts_first_is_counted_too_when_the_closing_drain_reads_its_confirmation()
    {
        _process.Database.TryInsert(Saga(1));
        _process.Pass().Recovered.Should().Be(1);
        _process.OpenPass();
        _process.Announce(Saga(1)).Run().Confirm();
        _process.List();
        _process.Plan();

        _process.Execute().ProtocolViolations.Should().Be(1);
    }

    [Fact]
    public void The_confirmation_of_a_start_leaves_the_failures_of_a_newer_ownership_alone()
    {
        ScriptedStart start = _process.Announce(Saga(1)).Insert().Run();
        _process.Database.ReassignToOther(Saga(1));
        _process.Database.ReassignBack(Saga(1));
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        _process.Pass().Should().Match<PassReport>(report => report.Readopted == 1 && report.Failed == 1);

        start.Confirm(); // of the old run, which has been relinquished

        _process.Pass().Should().Match<PassReport>(report => report.BackingOff == 1 && report.Failed == 0);
        _process.Waiting(Saga(1))!.Failures.Should().Be(1);
    }

    [Fact]
    public void A_client_that_retries_an_id_which_had_landed_and_was_recovered_violates_nothing()
    {
        ScriptedStart first = _process.Announce(Saga(1));
        _process.Database.TryInsert(Saga(1));
        first.LoseInsert().Withdraw();
        _process.Pass().Recovered.Should().Be(1);

        ScriptedStart retry = _process.Announce(Saga(1));
        retry.TryInsert().Should().BeFalse();
        retry.Withdraw();

        _process.Pass().Should().Match<PassReport>(report => report.ProtocolViolations == 0 && report.Skipped == 1);
        _process.Tracker.Tracked.Should().Be(1);
    }

    [Fact]
    public void A_failed_listing_reads_the_starts_all_the_same()
    {
        _process.OpenPass();
        _process.Start(Saga(1));

        PassReport pass = _process.FailPass("the database is away");

        pass.Should().Match<PassReport>(
            report => report.Result == PassResult.Failed && report.Error == "the database is away" && report.ObservedStarts == 1);
        _process.Inbox.Unread.Should().Be(0, "starts do not pile up while the database is away");
        _process.Tracker.Tracked.Should().Be(1);
    }

    [Fact]
    public void A_process_that_restarts_recovers_what_it_had_started()
    {
        _process.Start(Saga(1));
        _process.Pass();

        ScriptedProcess successor = _process.CrashAndRestart();

        successor.Pass(PassReason.Startup).Recovered.Should().Be(1);
    }
}
