using System.Diagnostics;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Status;

namespace SagaRecovery.Diagnostics;

/// <summary>Sets the tags of the spans of passes and of attempts to resume a saga.</summary>
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

    /// <summary>Begins the span of one attempt to resume a saga. It is a child of its pass, and the executor links the run of the saga to it.</summary>
    public static Activity? BeginResume(Candidate candidate)
    {
        Activity? span = SagaRecoveryTelemetry.Source.StartActivity("saga_recovery.resume");
        span?.SetTag("saga.id", candidate.SagaId.ToString());
        span?.SetTag("saga.name", candidate.Name);
        return span;
    }

    public static void Report(Activity? span, ResumeResult result)
    {
        span?.SetTag("saga_recovery.resume.result", result.GetType().Name);
        if (result is ResumeResult.Failed failed)
        {
            span?.SetStatus(ActivityStatusCode.Error, failed.Error);
        }
    }
}
