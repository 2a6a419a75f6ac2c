using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>Runs that end without finishing their saga: it is in progress, ours, and to be recovered again.</summary>
public class InterruptionTests
{
    private readonly ScriptedProcess _process = new();

    [Fact]
    public void A_saga_that_the_executor_interrupted_is_recovered_again_after_the_delay_of_a_failure()
    {
        _process.Start(Saga(1));
        _process.Pass();
        _process.ReportInterrupted(Saga(1));

        _process.Pass().Should().Match<PassReport>(report => report.Interrupted == 1 && report.BackingOff == 1);
        _process.Waiting(Saga(1)).Should().Match<WaitingSaga>(saga => saga.Failures == 1 && saga.Name == "provision");

        _process.Wait(TimeSpan.FromSeconds(1));
        _process.Pass().Recovered.Should().Be(1);
        _process.Report.Totals.MissingFromExecutor.Should().Be(1);
    }

    [Theory]
    [InlineData(null, "the executor interrupted its run, and gave no reason")]
    [InlineData("its output is too large", "its output is too large")]
    public void A_saga_that_waits_after_an_interruption_has_the_reason_that_the_executor_gave(string? reason, string shown)
    {
        _process.Start(Saga(1));
        _process.Pass();
        _process.ReportInterrupted(Saga(1), reason);
        _process.Pass();

        _process.Waiting(Saga(1))!.Reason.Should().Be(shown);
    }

    [Fact]
    public void The_delay_of_a_saga_that_is_interrupted_again_and_again_grows()
    {
        _process.Start(Saga(1));
        _process.Pass();
        for (int failures = 1; failures <= 5; failures++)
        {
            _process.ReportInterrupted(Saga(1));
            _process.Pass().BackingOff.Should().Be(1);
            _process.Waiting(Saga(1))!.Failures.Should().Be(failures);

            _process.Wait(TimeSpan.FromSeconds(1 << (failures - 1)));
            _process.Pass().Recovered.Should().Be(1);
        }
    }

    [Fact]
    public void A_saga_that_is_interrupted_after_each_recovery_counts_as_failed_and_not_as_recovered()
    {
        _process.Database.LeftBehind(Saga(1));
        for (int failures = 1; failures <= 5; failures++)
        {
            _process.Pass(PassReason.Explicit).Recovered.Should().Be(1, "the executor has taken it");
            _process.ReportInterrupted(Saga(1), "its output cannot be read");
        }

        PassReport last = _process.Pass();

        last.Should().Match<PassReport>(pass => pass.FailedRuns == 1 && pass.TakenBack == 1 && pass.Failed == 0 && pass.BackingOff == 1);
        _process.Report.Totals.Should().Be(_process.Truth);
        (_process.Report.Totals.Recovered, _process.Report.Totals.Failed).Should().Be((0, 5));
        _process.Report.RecentlyRecovered.Should().BeEmpty();
        _process.Report.RecentFailures.Should().HaveCount(5).And.OnlyContain(
            failed => failed.SagaId == Saga(1) && failed.Message == "interrupted: its output cannot be read" && failed.Name == "provision");
    }

    [Fact]
    public void A_saga_that_recovers_after_interruptions_counts_as_recovered_once()
    {
        _process.Database.LeftBehind(Saga(1));
        _process.Pass();
        _process.ReportInterrupted(Saga(1));
        _process.Pass(PassReason.Explicit);
        _process.Pass();

        (_process.Report.Totals.Recovered, _process.Report.Totals.Failed).Should().Be((1, 1));
        _process.Report.RecentlyRecovered.Should().ContainSingle();
    }

    [Fact]
    public void A_run_of_a_saga_that_was_started_here_counts_as_failed_when_it_is_interrupted()
    {
        _process.Start(Saga(1));
        _process.Pass();
        _process.ReportInterrupted(Saga(1), "its output is too large");
        _process.Pass();

        (_process.Report.Totals.Recovered, _process.Report.Totals.Failed).Should().Be((0, 1));
        _process.Report.RecentFailures.Should().ContainSingle().Which.Message.Should().Be("interrupted: its output is too large");
    }

    [Fact]
    public void A_run_that_an_operator_has_stopped_is_no_failure_and_its_recovery_stays_counted()
    {
        _process.Database.LeftBehind(Saga(1));
        _process.Pass();
        _process.Held.Add(Saga(1));
        _process.ReportStopped(Saga(1));
        _process.Pass().Should().Match<PassReport>(pass => pass.Interrupted == 1 && pass.FailedRuns == 0 && pass.Held == 1);

        _process.Report.Totals.Should().Be(_process.Truth);
        (_process.Report.Totals.Recovered, _process.Report.Totals.Failed).Should().Be((1, 0));
        _process.Report.RecentFailures.Should().BeEmpty();
    }

    [Fact]
    public void A_recovery_whose_interruption_was_read_before_its_result_is_taken_back()
    {
        _process.Database.LeftBehind(Saga(1));
        _process.OpenPass();
        _process.List();
        _process.Plan();
        _process.ResumeNext();
        _process.ReportInterrupted(Saga(1), "its output cannot be read");
        _process.Tracker.Observe(Saga(1), _process.Now); // reads the inbox in the middle of the pass
        _process.Execute().Recovered.Should().Be(1);

        _process.Pass().Should().Match<PassReport>(pass => pass.TakenBack == 1 && pass.FailedRuns == 1);
        _process.Report.Totals.Should().Be(_process.Truth);
        _process.Waiting(Saga(1))!.Reason.Should().Be("its output cannot be read");
    }

    [Fact]
    public void A_dry_run_that_reads_an_interruption_counts_it()
    {
        _process.Database.LeftBehind(Saga(1));
        _process.Pass();
        _process.ReportInterrupted(Saga(1), "its output cannot be read");
        RecoveryReport report = _process.Report.AfterDryRun(_process.Tracker.OpenDryRun(_process.Now).Fail("only the starts count", _process.Now));

        (report.Totals.Recovered, report.Totals.Failed, report.Totals.Passes).Should().Be((0, 1, 1));
        report.RecentlyRecovered.Should().BeEmpty();
        report.RecentFailures.Should().ContainSingle();
    }

    [Fact]
    public void What_failed_before_it_was_readopted_does_not_count_against_a_saga()
    {
        _process.Start(Saga(1));
        _process.Pass();
        _process.ReportInterrupted(Saga(1));
        _process.Pass(PassReason.Explicit);
        _process.Database.ReassignToOther(Saga(1));
        _process.Database.ReassignBack(Saga(1));
        _process.Pass().Readopted.Should().Be(1);

        _process.ReportInterrupted(Saga(1));
        _process.Pass();

        _process.Waiting(Saga(1))!.Failures.Should().Be(1);
    }

    [Fact]
    public void A_saga_that_the_executor_interrupted_is_shown_with_the_reason_even_before_a_listing_names_it()
    {
        _process.Start(Saga(1));
        _process.ReportInterrupted(Saga(1));
        _process.OpenPass();
        _process.FailPass();

        DateTimeOffset nextTry = BackoffPolicy.Default.NextTry(Saga(1), failures: 1, Noon);
        _process.Waiting(Saga(1)).Should().Be(new WaitingSaga(Saga(1), Name: "", WaitingKind.BackingOff, _process.Now, Failures: 1, nextTry, "the executor interrupted its run, and gave no reason"));
    }

    [Fact]
    public void A_recovered_saga_that_is_interrupted_is_recovered_by_the_next_explicit_pass()
    {
        _process.Database.LeftBehind(Saga(1));
        _process.Pass();
        _process.ReportInterrupted(Saga(1));

        _process.Pass(PassReason.Explicit).Recovered.Should().Be(1);
    }

    [Fact]
    public void A_saga_interrupted_between_the_drains_backs_off_from_then_on()
    {
        _process.Start(Saga(1));
        _process.OpenPass();
        _process.List();
        _process.ReportInterrupted(Saga(1));

        _process.Plan().BackingOff.Should().ContainSingle();
        _process.Execute();
    }

    [Fact]
    public void Interrupting_an_older_generation_does_not_touch_a_newer_run()
    {
        _process.Start(Saga(1));
        _process.Pass();
        _process.Database.ReassignToOther(Saga(1));
        _process.Database.ReassignBack(Saga(1));
        _process.Pass().Readopted.Should().Be(1);

        _process.ReportInterrupted(Saga(1), AdoptGeneration.Initial);

        _process.Pass().Skipped.Should().Be(1);
        _process.Tracker.Waiting.Should().BeEmpty();
        _process.Executor.Running[Saga(1)].Should().Be(new AdoptGeneration(3));
    }

    [Fact]
    public void Interrupting_an_older_generation_does_not_touch_the_failures_of_a_newer_one()
    {
        _process.Start(Saga(1));
        _process.Pass();
        _process.Database.ReassignToOther(Saga(1));
        _process.Database.ReassignBack(Saga(1));
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        _process.Pass().Failed.Should().Be(1);

        _process.ReportInterrupted(Saga(1), AdoptGeneration.Initial);

        _process.Pass().Should().Match<PassReport>(report => report.BackingOff == 1 && report.Failed == 0);
        _process.Waiting(Saga(1)).Should().Match<WaitingSaga>(saga => saga.Reason == "time-out" && saga.Failures == 1);
    }

    [Fact]
    public void A_saga_interrupted_before_its_start_was_confirmed_is_recovered_again()
    {
        ScriptedStart start = _process.Announce(Saga(1)).Insert().Run();
        _process.ReportInterrupted(Saga(1));
        start.Confirm(); // the confirmation of the start arrives after the interruption of its run

        _process.Pass().BackingOff.Should().Be(1, "no run executes it");

        _process.Wait(TimeSpan.FromSeconds(1));
        _process.Pass().Recovered.Should().Be(1);
    }

    [Fact]
    public void A_saga_interrupted_one_pass_before_its_start_was_confirmed_is_recovered_again()
    {
        ScriptedStart start = _process.Announce(Saga(1)).Insert().Run();
        _process.ReportInterrupted(Saga(1));
        _process.Pass().Skipped.Should().Be(1, "its start is under way: for all that the tracker knows, it may begin another run");
        start.Confirm();

        _process.Pass(PassReason.Explicit).Recovered.Should().Be(1);
    }

    [Fact]
    public void A_saga_interrupted_during_another_start_of_its_id_waits_for_the_full_delay()
    {
        _process.Start(Saga(1));
        ScriptedStart duplicate = _process.Announce(Saga(1));
        _process.ReportInterrupted(Saga(1));
        _process.Pass();
        duplicate.TryInsert().Should().BeFalse();
        duplicate.Withdraw();

        _process.Pass().BackingOff.Should().Be(1);

        _process.Wait(TimeSpan.FromSeconds(1));
        _process.Pass().Recovered.Should().Be(1);
    }

    [Fact]
    public void A_saga_that_was_reassigned_after_its_interruption_is_not_shown_for_long()
    {
        _process.Start(Saga(1));
        _process.ReportInterrupted(Saga(1));
        _process.Database.ReassignToOther(Saga(1));

        _process.Pass();

        (_process.Tracker.Tracked, _process.Tracker.Waiting.Count).Should().Be((0, 0));
    }
}
