using SagaRecovery.Hosting;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Hosting;

/// <summary>The decision on steps that are retried or do not end.</summary>
public sealed class StepReviewTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);
    private static readonly SagaId Saga = SagaId.Parse("00000000-0000-0000-0000-000000000001");
    private static readonly StalledThresholds Thresholds = new(
        TimeSpan.FromMinutes(15), new Dictionary<string, TimeSpan>(StringComparer.Ordinal) { ["patient"] = TimeSpan.FromHours(5) });

    [Fact]
    public void A_step_that_is_retried_is_listed_and_its_saga_does_not_count_as_stalled()
    {
        SagaRunProgress run = Run(Retried(minutes: 3));

        StepReport report = StepReview.Review([run], Thresholds, Noon);

        (report.RetryingCount, report.OverdueCount, report.HangingCount).Should().Be((1, 0, 0));
        report.Retrying.Should().Equal(new SagaStep(Saga, "provision", run.Steps[0], IsOverdue: false));
        StepReview.NotStalled([run], Thresholds, Noon).Should().Equal(Saga);
    }

    [Fact]
    public void A_step_that_is_retried_for_longer_than_the_threshold_of_its_definition_is_overdue()
    {
        StepReport report = StepReview.Review([Run(Retried(minutes: 14)), Run(Retried(minutes: 16)), Run("patient", Retried(minutes: 200))], Thresholds, Noon);

        (report.RetryingCount, report.OverdueCount).Should().Be((3, 1));
        report.Retrying.Select(step => (step.IsOverdue, step.Step.Since)).Should().Equal(
            (true, Noon.AddMinutes(-16)), (false, Noon.AddMinutes(-200)), (false, Noon.AddMinutes(-14)));
    }

    [Theory]
    [InlineData(14, 0)]
    [InlineData(16, 1)]
    public void A_step_hangs_when_its_attempt_has_run_for_longer_than_the_threshold(int minutes, int hanging)
    {
        SagaRunProgress first = Run(Running(minutes));
        SagaRunProgress third = Run(Running(minutes) with { Attempt = 3, LastError = "TimeoutException: no answer" });

        StepReview.Review([first], Thresholds, Noon).Should().Match<StepReport>(report => report.HangingCount == hanging && report.RetryingCount == 0);
        StepReview.Review([third], Thresholds, Noon).Should().Match<StepReport>(report => report.HangingCount == hanging && report.RetryingCount == 1 - hanging);
        StepReview.NotStalled([first], Thresholds, Noon).Should().BeEmpty("a first attempt is not a retry");
        StepReview.NotStalled([third], Thresholds, Noon).Should().HaveCount(1 - hanging, "a saga with an attempt that hangs may be stalled");
    }

    [Fact]
    public void Counts_are_complete_where_lists_are_cut()
    {
        StepReport report = StepReview.Review([.. Enumerable.Range(0, 200).Select(_ => Run(Retried(minutes: 20), Running(20)))], Thresholds, Noon);

        (report.RetryingCount, report.OverdueCount, report.HangingCount).Should().Be((200, 200, 200));
        (report.Retrying.Count, report.Hanging.Count).Should().Be((RecoveryReport.HistoryLength, RecoveryReport.HistoryLength));
    }

    private static SagaRunProgress Run(params StepInProgress[] steps) => Run("provision", steps);

    private static SagaRunProgress Run(string name, params StepInProgress[] steps) => new(Saga, name, RunPhase.Running, steps);

    private static StepInProgress Retried(int minutes) => new("disk", IsUndo: false, 3, Noon.AddMinutes(-minutes))
    {
        LastError = "TimeoutException: no answer",
        NextAttempt = Noon.AddSeconds(20),
    };

    private static StepInProgress Running(int minutes) => new("disk", IsUndo: false, 1, Noon.AddMinutes(-minutes)) { AttemptSince = Noon.AddMinutes(-minutes) };
}
