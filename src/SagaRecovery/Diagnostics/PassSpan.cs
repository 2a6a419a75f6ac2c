using System.Diagnostics;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Status;

namespace SagaRecovery.Diagnostics;

/// <summary>What the spans of passes and hand-overs tell.</summary>
internal static class PassSpan
{
    public static void Report(Activity? span, PassReport pass)
    {
        if (span is null)
        {
            return;
        }

        span.SetTag("saga_recovery.pass.iteration", pass.Start.Iteration);
        span.SetTag("saga_recovery.pass.reason", pass.Start.Reason.ToString());
        span.SetTag("saga_recovery.pass.result", pass.Result.ToString());
        span.SetTag("saga_recovery.pass.found", pass.Found);
        span.SetTag("saga_recovery.pass.recovered", pass.Recovered);
        span.SetTag("saga_recovery.pass.failed", pass.Failed);
        span.SetTag("saga_recovery.pass.skipped", pass.Skipped);
        if (pass.Result == PassResult.Failed)
        {
            span.SetStatus(ActivityStatusCode.Error, pass.Error);
        }
    }

    /// <summary>Begins the span of one hand-over: a child of its pass, and what the executor links the saga's run to.</summary>
    public static Activity? BeginResume(Candidate candidate)
    {
        Activity? span = SagaRecoveryTelemetry.Source.StartActivity("saga_recovery.hand_over");
        span?.SetTag("saga.id", candidate.SagaId.ToString());
        span?.SetTag("saga.name", candidate.Name);
        return span;
    }

    public static void Report(Activity? span, ResumeResult result)
    {
        span?.SetTag("saga_recovery.hand_over.result", result.GetType().Name);
        if (result is ResumeResult.Failed failed)
        {
            span?.SetStatus(ActivityStatusCode.Error, failed.Error);
        }
    }
}
