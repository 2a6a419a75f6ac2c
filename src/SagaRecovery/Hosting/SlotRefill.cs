using System.Diagnostics;
using Microsoft.Extensions.Logging;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Timing;

namespace SagaRecovery.Hosting;

/// <summary>The result of a refill.</summary>
internal enum RefillResult
{
    /// <summary>No saga waits for which the executor has capacity. The executor reports when it has.</summary>
    NothingToResume,

    /// <summary>Sagas were resumed, and the executor may have capacity for more.</summary>
    Resumed,

    /// <summary>As <see cref="Resumed"/>, and some sagas back off now.</summary>
    ResumedInPart,

    /// <summary>The store did not answer as expected. A pass finds out why, and plans again.</summary>
    Failed,
}

/// <summary>
/// Resumes sagas that wait for a slot, between two passes: as many as the executor takes. It lists nothing, since the tracker knows them.
/// Refills and passes do not overlap. See docs/decisions/0011-waiting-for-a-slot.md.
/// </summary>
internal sealed class SlotRefill(
    SagaTracker tracker,
    CrashLoopGuard guard,
    BatchResumer batches,
    SagaResumer resumer,
    SagaCoordinator coordinator,
    SagaRecoveryStatus status,
    RecoveryMetrics metrics,
    PassLog log,
    SteadyTimeProvider time,
    ILogger<SagaRecoveryService> logger)
{
    /// <summary>The maximum number of sagas of one refill, so that passes and operator actions do not wait for long.</summary>
    private const int MaxSagas = 2_000;

    private DateTimeOffset Now => time.Now;

    /// <summary>Runs one refill and publishes its report.</summary>
    /// <param name="stopping">Signals that shutdown has begun: no further saga is resumed, and resumes in flight continue.</param>
    /// <param name="abort">Signals that the time for shutdown is up: resumes in flight are cancelled too.</param>
    public async Task<RefillResult> RunAsync(CancellationToken stopping, CancellationToken abort)
    {
        if (coordinator.Member is not { } member || coordinator.Fenced.IsCancellationRequested)
        {
            return RefillResult.Failed;
        }

        try
        {
            await guard.PrepareAsync(member, stopping).ConfigureAwait(false); // clears what has passed its probation: no pass is needed for that
            ExecutorCapacity? capacity = resumer.GetCapacity();
            if (!tracker.HasSagaFor(capacity, Now))
            {
                return RefillResult.NothingToResume;
            }

            // Read again: holds and pauses may be newer than the last pass, which may be long ago.
            status.Loop.Record();
            RecoveryControls controls = await guard.ReadControlsAsync(member, stopping).ConfigureAwait(false);
            status.Loop.Record();
            return await ResumeAsync(tracker.BeginRefill(capacity, MaxSagas, controls, Now), member, stopping, abort).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return RefillResult.NothingToResume;
        }
        catch (Exception exception) // from the store, or a bug: the pass that follows finds out whether the join is lost or the database is down
        {
            if (exception is CoordinatorFencedException fenced)
            {
                coordinator.ReportFenced(fenced);
            }

            Log.RefillFailed(logger, ErrorText.Of(exception));
            Log.RefillFailedDetails(logger, exception);
            return RefillResult.Failed;
        }
    }

    private async Task<RefillResult> ResumeAsync(Refill refill, Membership member, CancellationToken stopping, CancellationToken abort)
    {
        using Activity? span = SagaRecoveryTelemetry.Source.StartActivity("saga_recovery.refill");
        RefillReport report;
        try
        {
            log.Write(refill);
            await batches.ResumeAllAsync(new ResumeWork(refill.Sagas, Now), member, refill.Record, stopping, abort).ConfigureAwait(false);
            await guard.EndProbationAsync(member, refill.NothingRuns, stopping).ConfigureAwait(false);
        }
        finally
        {
            log.WriteEnd(refill);
            report = refill.Complete(); // what was resumed before a failure stays recorded, and the others wait again
            Publish(report, span);
        }

        return report.Taken == 0 ? RefillResult.NothingToResume
            : report.Failed + report.UnknownDefinition > 0 ? RefillResult.ResumedInPart
            : RefillResult.Resumed;
    }

    private void Publish(RefillReport report, Activity? span)
    {
        if (report.Taken == 0)
        {
            return;
        }

        metrics.RecordRefill(report); // before the status: a reader that sees the refill in the status must find it counted
        status.RefillEnded(report, tracker);
        span?.SetTag("saga_recovery.refill.recovered", report.Recovered);
        Log.Refilled(logger, report.Taken, report.Recovered, tracker.WaitingForSlot);
    }
}
