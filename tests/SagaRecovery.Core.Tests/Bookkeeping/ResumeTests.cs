using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>
/// One story for each way in which a resume ends: how it is counted, what the tracker and the waiting list hold afterwards, and what
/// the next pass does.
/// </summary>
public class ResumeTests
{
    private readonly ScriptedProcess _process = new();

    public ResumeTests() => _process.Database.LeftBehind(Saga(1));

    [Fact]
    public void A_recovered_saga_is_tracked_and_skipped_by_the_next_pass()
    {
        PassReport pass = _process.Pass();

        pass.Should().Match<PassReport>(report => report.Recovered == 1 && report.Result == PassResult.Completed);
        pass.RecoveredSagas.Should().Equal(new RecoveredSaga(Noon, Saga(1), "provision", TimeSpan.Zero));
        _process.Tracker.Waiting.Should().BeEmpty();
        _process.Pass().Skipped.Should().Be(1);
    }

    [Fact]
    public void A_saga_that_the_executor_runs_already_is_no_failure_and_is_tracked()
    {
        _process.Executor.BeginsButThrows(Saga(1));
        _process.Pass().Failed.Should().Be(1);

        PassReport pass = _process.Pass(PassReason.Explicit);

        pass.Should().Match<PassReport>(report => report.Skipped == 1 && report.Recovered == 0 && report.Failed == 0);
        _process.Tracker.Tracked.Should().Be(1);
        _process.Tracker.Waiting.Should().BeEmpty();
        _process.Pass().Skipped.Should().Be(1);
        _process.Executor.Reassigned.Should().HaveCount(2, "the third pass knows that it runs");
    }

    [Fact]
    public void A_saga_of_an_unknown_definition_is_shown_and_tried_again_when_due()
    {
        _process.Executor.AlwaysAnswers(new ResumeResult.UnknownDefinition("definition provision v7"));

        PassReport pass = _process.Pass();

        pass.Should().Match<PassReport>(report => report.UnknownDefinition == 1 && report.Result == PassResult.Completed);
        _process.Tracker.Tracked.Should().Be(0);
        _process.Waiting(Saga(1)).Should().Be(
            new WaitingSaga(
                Saga(1), "provision", WaitingKind.UnknownDefinition, Noon, Failures: 1, BackoffPolicy.Default.NextTry("provision", failures: 1, Noon), "definition provision v7"));
        _process.Executor.Answer = _ => null;
        _process.Pass().Should().Match<PassReport>(report => report.UnknownDefinition == 1 && report.BackingOff == 0);
        _process.Wait(TimeSpan.FromSeconds(1));
        _process.Pass().Recovered.Should().Be(1);
        _process.Tracker.Waiting.Should().BeEmpty();
    }

    [Fact]
    public void A_saga_whose_resume_failed_waits_and_is_tried_again_when_due()
    {
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));

        PassReport pass = _process.Pass();

        pass.Should().Match<PassReport>(report => report.Failed == 1 && report.Result == PassResult.CompletedWithFailures);
        pass.FailedSagas.Should().Equal(new FailedSaga(Noon, Saga(1), "provision", "time-out"));
        _process.Tracker.Tracked.Should().Be(0);
        DateTimeOffset nextTry = BackoffPolicy.Default.NextTry(Saga(1), failures: 1, Noon);
        _process.Waiting(Saga(1)).Should().Be(new WaitingSaga(Saga(1), "provision", WaitingKind.BackingOff, _process.Now, Failures: 1, nextTry, "time-out"));
        _process.Pass().Should().Match<PassReport>(report => report.BackingOff == 1 && report.Result == PassResult.Completed);
        _process.Wait(TimeSpan.FromSeconds(1));
        _process.Executor.Answer = _ => null;
        _process.Pass().Recovered.Should().Be(1);
    }

    [Fact]
    public void Failures_in_a_row_are_counted_and_lengthen_the_delay()
    {
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        for (int failure = 1; failure <= 5; failure++)
        {
            _process.Pass(PassReason.Explicit);
        }

        WaitingSaga waiting = _process.Waiting(Saga(1))!;
        waiting.Failures.Should().Be(5);
        (waiting.NextTry - _process.Now).Should().BeGreaterThanOrEqualTo(TimeSpan.FromSeconds(8));
    }

    [Theory]
    [InlineData(PassReason.Explicit, 1)]
    [InlineData(PassReason.Periodic, 0)]
    [InlineData(PassReason.Retry, 0)]
    [InlineData(PassReason.Due, 0)]
    [InlineData(PassReason.UnreadStarts, 0)]
    [InlineData(PassReason.Startup, 0)]
    [InlineData(PassReason.InterruptedRun, 0)]
    [InlineData(PassReason.WithdrawnStart, 0)]
    public void Only_an_explicit_activation_tries_a_saga_that_is_backing_off_at_once(PassReason reason, int recovered)
    {
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        _process.Pass();
        _process.Executor.Answer = _ => null;

        _process.Pass(reason).Recovered.Should().Be(recovered);
    }

    [Fact]
    public void A_saga_that_came_back_at_a_newer_generation_starts_without_its_old_failures()
    {
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        _process.Pass();
        _process.Pass(PassReason.Explicit);
        _process.Database.ReassignToOther(Saga(1));
        _process.Database.ReassignBack(Saga(1));

        _process.Pass().Failed.Should().Be(1, "it does not back off for what failed under an earlier ownership");

        _process.Waiting(Saga(1))!.Failures.Should().Be(1);
    }

    [Fact]
    public void A_readopted_saga_whose_resume_failed_no_longer_runs_here_and_is_recovered_like_any_other()
    {
        _process.Pass();
        _process.Database.ReassignToOther(Saga(1));
        _process.Database.ReassignBack(Saga(1));
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));

        _process.Pass().Should().Match<PassReport>(report => report.Readopted == 1 && report.Failed == 1);

        (_process.Tracker.Tracked, _process.Executor.Running.Count).Should().Be((0, 0), "the old run has been relinquished");
        _process.Executor.Answer = _ => null;
        _process.Pass(PassReason.Explicit).Should().Match<PassReport>(report => report.Readopted == 0 && report.Recovered == 1);
    }

    [Fact]
    public void An_abandoned_saga_is_reported_once_and_leaves_no_trace()
    {
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        _process.Pass();
        _process.Executor.AlwaysAnswers(new ResumeResult.Abandoned("node 3 finished before it started"));

        PassReport pass = _process.Pass(PassReason.Explicit);

        pass.Should().Match<PassReport>(report => report.Abandoned == 1 && report.Failed == 0);
        pass.FailedSagas.Should().Equal(
            new FailedSaga(Noon, Saga(1), "provision", "abandoned: node 3 finished before it started"));
        (_process.Tracker.Tracked, _process.Tracker.Waiting.Count).Should().Be((0, 0));
        _process.Pass().Found.Should().Be(0);
    }

    [Fact]
    public void A_saga_that_was_superseded_since_the_listing_is_no_failure_and_leaves_no_trace()
    {
        _process.OpenPass();
        _process.List();
        _process.Plan();
        _process.Database.ReassignToOther(Saga(1));

        PassReport pass = _process.Execute();

        pass.Should().Match<PassReport>(report => report.Superseded == 1 && report.Result == PassResult.Completed);
        (_process.Tracker.Tracked, _process.Tracker.Waiting.Count).Should().Be((0, 0));
        _process.Pass().Found.Should().Be(0);
    }

    [Fact]
    public void A_saga_that_was_not_attempted_is_planned_again_by_the_next_pass()
    {
        _process.Database.LeftBehind(Saga(2));
        _process.OpenPass();
        _process.List();
        _process.Plan();
        _process.ResumeNext();

        PassReport pass = _process.Complete();

        pass.Should().Match<PassReport>(
            report => report.NotAttempted == 1 && report.Recovered == 1 && report.Result == PassResult.CutShort);
        _process.Pass().Should().Match<PassReport>(report => report.Recovered == 1 && report.Skipped == 1);
    }

    [Fact]
    public void A_saga_that_failed_before_and_was_not_attempted_since_keeps_its_failures()
    {
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        _process.Pass();
        WaitingSaga? failed = _process.Waiting(Saga(1));
        _process.OpenPass(PassReason.Explicit);
        _process.List();
        _process.Plan();

        _process.Complete().NotAttempted.Should().Be(1);

        _process.Waiting(Saga(1)).Should().NotBeNull().And.Be(failed);
    }

    [Fact]
    public void A_pass_that_fails_half_way_keeps_what_it_recovered()
    {
        _process.Database.LeftBehind(Saga(2));
        _process.OpenPass();
        _process.List();
        _process.Plan();
        _process.ResumeNext();

        PassReport pass = _process.Complete("loading: the connection broke");

        pass.Should().Match<PassReport>(report => report.Result == PassResult.Failed && report.Error == "loading: the connection broke");
        _process.Tracker.Tracked.Should().Be(1);
        _process.Pass().Recovered.Should().Be(1);
    }

    [Fact]
    public void The_failure_of_one_saga_leaves_the_others_alone()
    {
        _process.Database.LeftBehind(Saga(2));
        _process.Database.LeftBehind(Saga(3));
        _process.Executor.Answers(Saga(2), new ResumeResult.Failed("time-out"));

        _process.Pass().Should().Match<PassReport>(report => report.Recovered == 2 && report.Failed == 1);

        _process.Executor.Running.Keys.Should().Equal(Saga(1), Saga(3));
        _process.Tracker.Waiting.Select(saga => saga.SagaId).Should().Equal(Saga(2));
    }

    [Fact]
    public void A_waiting_saga_that_is_no_longer_listed_is_no_longer_shown()
    {
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        _process.Pass();
        _process.Database.ReassignToOther(Saga(1));

        _process.Pass();

        _process.Tracker.Waiting.Should().BeEmpty();
    }

    [Fact]
    public void A_failed_pass_forgets_nothing_of_what_waits()
    {
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        _process.Pass();

        _process.OpenPass();
        _process.FailPass();

        _process.Waiting(Saga(1))!.Failures.Should().Be(1);
    }
}
