using System.Text.Json;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Status;

public class RecoveryReportTests
{
    private const int ManySagas = RecoveryReport.HistoryLength + 72;

    private readonly ScriptedProcess _process = new();

    [Fact]
    public void The_histories_keep_the_newest_entries_of_one_large_pass()
    {
        LeaveManyBehind(first: 1);
        _process.Executor.Answer = candidate => candidate.SagaId > Saga(ManySagas) ? new ResumeResult.Failed("time-out") : null;
        LeaveManyBehind(first: ManySagas + 1);

        PassReport pass = _process.Pass();

        (pass.Recovered, pass.Failed).Should().Be((ManySagas, ManySagas));
        pass.RecoveredSagas.Select(saga => saga.SagaId).Should().Equal(Newest(last: ManySagas));
        pass.FailedSagas.Select(saga => saga.SagaId).Should().Equal(Newest(last: 2 * ManySagas));
        _process.Report.RecentlyRecovered.Should().Equal(pass.RecoveredSagas);
        _process.Report.RecentFailures.Should().Equal(pass.FailedSagas);
    }

    [Fact]
    public void The_histories_keep_the_newest_entries_of_many_small_passes()
    {
        for (int number = 1; number <= ManySagas; number++)
        {
            _process.Database.LeftBehind(Saga(number));
            _process.Pass();
        }

        _process.Report.RecentlyRecovered.Select(saga => saga.SagaId).Should().Equal(Newest(last: ManySagas));
        _process.Report.Totals.Recovered.Should().Be(ManySagas, "the totals count what the history has dropped");
    }

    [Fact]
    public void The_totals_sum_what_the_passes_report()
    {
        var pass = new PassReport(new PassStart(1, PassReason.Periodic, Noon))
        {
            Result = PassResult.Failed,
            Recovered = 1,
            Failed = 2,
            ObservedStarts = 3,
            Removed = 4,
            Interrupted = 5,
            Reassigned = 6,
            Readopted = 7,
            Abandoned = 8,
            ProtocolViolations = 9,
            MissedHints = 10,
        };

        RecoveryTotals totals = new RecoveryTotals().Plus(pass).Plus(pass with { Result = PassResult.Completed });

        totals.Should().Be(new RecoveryTotals
        {
            Passes = 2,
            FailedPasses = 1,
            Recovered = 2,
            Failed = 4,
            ObservedStarts = 6,
            InferredFinished = 8,
            MissingFromExecutor = 10,
            BadStateInExecutor = 12,
            Readopted = 14,
            Abandoned = 16,
            ProtocolViolations = 18,
            MissedHints = 20,
        });
    }

    [Fact]
    public void A_report_after_a_pass_names_it_as_the_last_and_no_pass_as_current()
    {
        var start = new PassStart(1, PassReason.Startup, Noon);
        RecoveryReport before = _process.Report with { CurrentPass = start };

        RecoveryReport after = before.After(new PassReport(start));

        after.Should().Match<RecoveryReport>(report => report.CurrentPass == null && report.LastPass!.Start == start);
        before.Should().Match<RecoveryReport>(report => report.CurrentPass == start && report.LastPass == null, "reports are values");
    }

    [Fact]
    public void A_pass_without_failures_is_completed() => ResultOf(_ => null).Should().Be(PassResult.Completed);

    [Fact]
    public void A_pass_in_which_every_saga_failed_is_not_a_complete_recovery() =>
        ResultOf(_ => new ResumeResult.Failed("time-out")).Should().Be(PassResult.CompletedWithFailures);

    [Fact]
    public void A_pass_that_did_not_reach_every_saga_is_cut_short_even_when_others_failed()
    {
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));
        LeaveManyBehind(first: 1);
        _process.OpenPass();
        _process.List();
        _process.Plan();
        _process.ResumeNext();

        _process.Complete().Result.Should().Be(PassResult.CutShort);
    }

    [Fact]
    public void A_pass_that_could_not_load_is_failed_with_the_reason()
    {
        LeaveManyBehind(first: 1);
        _process.OpenPass();
        _process.List();
        _process.Plan();

        PassReport pass = _process.Complete("the connection broke");

        pass.Should().Match<PassReport>(
            report => report.Result == PassResult.Failed && report.Error == "the connection broke" && report.NotAttempted == ManySagas);
        _process.Report.Totals.FailedPasses.Should().Be(1);
    }

    [Fact]
    public void A_report_survives_json()
    {
        LeaveManyBehind(first: 1);
        _process.Executor.Answers(Saga(1), new ResumeResult.Failed("time-out"));
        _process.Pass();
        RecoveryReport report = _process.Report with { Waiting = [.. _process.Tracker.Waiting], WaitingCount = 1 };

        RecoveryReport? back = JsonSerializer.Deserialize<RecoveryReport>(JsonSerializer.Serialize(report));

        RecoveryReportText.Render(back!, Noon).Should().Be(RecoveryReportText.Render(report, Noon));
        back!.SchemaVersion.Should().Be(1);
    }

    private static IEnumerable<SagaId> Newest(int last) =>
        Enumerable.Range(last - RecoveryReport.HistoryLength + 1, RecoveryReport.HistoryLength).Select(Saga);

    private void LeaveManyBehind(int first)
    {
        for (int number = first; number < first + ManySagas; number++)
        {
            _process.Database.LeftBehind(Saga(number));
        }
    }

    private PassResult ResultOf(Func<Candidate, ResumeResult?> answer)
    {
        _process.Executor.Answer = answer;
        LeaveManyBehind(first: 1);
        return _process.Pass().Result;
    }
}
