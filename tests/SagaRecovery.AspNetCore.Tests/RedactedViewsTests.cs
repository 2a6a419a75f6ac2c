using System.Text.Json;
using SagaRecovery.AspNetCore.Endpoints;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>The report without payloads: nothing that a step threw is left in any of its forms.</summary>
public sealed class RedactedViewsTests
{
    private const string Secret = "s3cret";

    private static readonly DateTimeOffset s_noon = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);
    private static readonly SagaId s_saga = new(Guid.Parse("052247e0-853d-4d16-80e7-7c618d97edd8"));

    [Fact]
    public void No_form_of_the_report_has_an_error_of_a_saga()
    {
        RecoveryReport report = ReportWithSecrets();
        Forms(report).Should().OnlyContain(form => form.Contains(Secret, StringComparison.Ordinal), "the test must be able to fail");

        string[] hidden = [.. Forms(RedactedViews.Of(report, PayloadView.Hidden))];

        hidden.Should().OnlyContain(form => !form.Contains(Secret, StringComparison.Ordinal) && form.Contains(PayloadView.Marker, StringComparison.Ordinal));
        hidden[0].Split(PayloadView.Marker).Should().HaveCount(1 + CountOf(Forms(report).First(), Secret), "each has a marker of its own");
    }

    [Fact]
    public void The_rest_of_the_report_is_the_same()
    {
        RecoveryReport report = ReportWithSecrets() with { RecentActions = [] };

        string hidden = Forms(RedactedViews.Of(report, PayloadView.Hidden)).First();

        hidden.Replace(PayloadView.Marker, Secret, StringComparison.Ordinal).Should().Be(Forms(report).First());
    }

    private static IEnumerable<string> Forms(RecoveryReport report)
    {
        yield return JsonSerializer.Serialize(report, RecoveryReportJson.Default.RecoveryReport);
        yield return RecoveryReportText.Render(report, s_noon);
        yield return JsonSerializer.Serialize(report.LastPass!, RecoveryReportJson.Default.PassReport);
    }

    private static int CountOf(string text, string part) => text.Split(part).Length - 1;

    private static RecoveryReport ReportWithSecrets()
    {
        var failed = new FailedSaga(s_noon, s_saga, "pay", Secret);
        var step = new StepInProgress("charge", IsUndo: false, Attempt: 3, s_noon) { LastError = Secret, NextAttempt = s_noon };
        var pass = new PassReport(new PassStart(1, PassReason.Explicit, s_noon)) { Failed = 1, Found = 1, Result = PassResult.CompletedWithFailures, FailedSagas = [failed] };
        return new RecoveryReport
        {
            Coordinator = new CoordinatorStatus(new CoordinatorId(Guid.Parse("0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a12")), new Fencing.Incarnation(1), Fenced: null),
            Period = TimeSpan.FromMinutes(10),
            LastPass = pass,
            RecentPasses = [pass],
            RecentFailures = [failed],
            Waiting = [new WaitingSaga(s_saga, "pay", WaitingKind.BackingOff, s_noon, 1, s_noon, Secret)],
            WaitingCount = 1,
            Stalled = new StalledSagas(s_noon, 1, [new StalledSaga(s_saga, "pay", s_noon, null) { Run = new SagaRunProgress(s_saga, "pay", RunPhase.Running, [step]) }]),
            Steps = new StepReport(s_noon)
            {
                Retrying = [new SagaStep(s_saga, "pay", step, IsOverdue: true)],
                RetryingCount = 1,
                OverdueCount = 1,
                Hanging = [new SagaStep(s_saga, "pay", step, IsOverdue: true)],
                HangingCount = 1,
            },
            RecentActions =
            [
                new OperatorAction(1, s_noon, OperatorActionKind.RetryUndo, s_saga, new OperatorNote("ann", $"again (the undo of 'charge' had failed: {Secret})")),
            ],
        };
    }
}
