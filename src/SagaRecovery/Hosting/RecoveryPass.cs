using System.Diagnostics;
using Microsoft.Extensions.Logging;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Hosting;

/// <summary>One recovery pass: finds the sagas of this coordinator that no process runs, and resumes them.</summary>
/// <remarks>
/// The life of a pass, in the order of the code:
/// <list type="number">
/// <item><description>Open the pass and drain the starts that were announced so far.</description></item>
/// <item><description>Join as the coordinator, unless this process has joined already.</description></item>
/// <item><description>Read the controls: pause, holds, suspects, operator actions, assignments.</description></item>
/// <item><description>List the unfinished sagas that this coordinator owns.</description></item>
/// <item><description>Drain the starts again and plan: each saga that is listed or tracked lands in one bucket.</description></item>
/// <item><description>Account for losses: ensure that the listing still holds, and report the sagas that the database has lost.</description></item>
/// <item><description>
/// Relinquish what is no longer listed, or not at the generation of its run: the executor stops those runs. Notify the other runs of what was
/// requested: a cancellation, or a stop. All of it side by side, within one time-out.
/// </description></item>
/// <item><description>Resume what no process runs, batch by batch, and as many as the executor takes. <see cref="SlotRefill"/> resumes the others later.</description></item>
/// <item><description>Report caught up: the assignments that the listing covered are handled.</description></item>
/// <item><description>Complete: the outcome becomes the report.</description></item>
/// </list>
/// The tracker decides, and this class acts. Passes do not overlap. A dry run takes steps 1, 3, 4 and 5, without joining, placing holds or storing
/// ranges: it changes nothing on the store.
/// See docs/decisions/0001-two-drains-and-start-leases.md for the reason of the two drains.
/// </remarks>
internal sealed class RecoveryPass(
    SagaTracker tracker,
    ISagaStore store,
    ISagaControls controls,
    CrashLoopGuard guard,
    SagaResumer resumer,
    RunRequests requests,
    RunnableDefinitions runnable,
    BatchResumer batches,
    SagaCoordinator coordinator,
    SagaRecoveryStatus status,
    RecoveryMetrics metrics,
    PassLog log,
    OperatorActionLog operatorActionLog,
    SteadyTimeProvider time,
    ILogger<SagaRecoveryService> logger)
{
    private readonly TaskCompletionSource _firstEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RecoveryControls _lastControls = RecoveryControls.None;
    private long _assignedWhenListed = -1;
    private int _rejoinsAccountedFor;
    private int _rejoinsWhenListed;

    /// <summary>The number of the last assignment that a listing covered, or -1 before the first listing.</summary>
    public long AssignedWhenListed => Volatile.Read(ref _assignedWhenListed);

    /// <summary>Returns true unless the last pass found that the saga is held or that recovery is paused: then no pass is due for it.</summary>
    public bool MayResume(SagaId sagaId) => _lastControls.Paused is null && !_lastControls.Holds(sagaId);

    /// <summary>A task that completes when the first pass ends, with any result.</summary>
    public Task FirstEnded => _firstEnded.Task;

    private DateTimeOffset Now => time.Now;

    /// <summary>Runs one pass and publishes its report.</summary>
    /// <param name="reason">The reason for the pass.</param>
    /// <param name="stopping">Signals that shutdown has begun: no further saga is resumed, and resumes in flight continue.</param>
    /// <param name="abort">Signals that the time for shutdown is up: resumes in flight are cancelled too.</param>
    public async Task<PassReport> RunAsync(PassReason reason, CancellationToken stopping, CancellationToken abort)
    {
        using Activity? span = SagaRecoveryTelemetry.Source.StartActivity("saga_recovery.pass");
        OpenedPass opened = tracker.OpenPass(reason, Now); // 1
        (PassReport report, PassOutcome? outcome) = await ListAndResumeAsync(opened, stopping, abort).ConfigureAwait(false); // 2 to 10
        Publish(opened, report, outcome, span);
        return report;
    }

    private async Task<(PassReport Report, PassOutcome? Outcome)> ListAndResumeAsync(OpenedPass opened, CancellationToken stopping, CancellationToken abort)
    {
        PassOutcome? outcome = null;
        try
        {
            Announce(opened.Start);
            Membership member = await JoinAsync(stopping).ConfigureAwait(false); // 2
            status.Loop.Record(); // as after each further step: see LoopProgress
            member = await ReadControlsAsync(member, stopping).ConfigureAwait(false); // 3
            CandidateListing listing = await ListAsync(opened, member, stopping).ConfigureAwait(false); // 4
            int waitedBefore = tracker.WaitingForSlot;
            RecoveryPlan plan = DrainAndPlan(opened, listing, _lastControls); // 5
            outcome = plan.BeginOutcome();
            log.Write(plan, _lastControls.Paused);
            log.WriteBacklog(plan.WaitingForSlot, tracker.SlotBacklog, isNew: plan.WaitingForSlot > waitedBefore);
            await AccountForLossAsync(member, plan, outcome, stopping).ConfigureAwait(false); // 6: a listing from before a loss must end no run
            status.Loop.Record();
            await requests.SendAsync(plan, outcome, _lastControls, stopping).ConfigureAwait(false); // 7
            status.Loop.Record();
            await ResumeAllAsync(opened.Start, member, plan, outcome, stopping, abort).ConfigureAwait(false); // 8
            status.Loop.Record();
            await guard.EndProbationAsync(member, outcome.NothingRuns, stopping).ConfigureAwait(false);
            status.Loop.Record();
            await ReportCaughtUpAsync(member, outcome, stopping).ConfigureAwait(false); // 9
            return (outcome.Complete(Now), outcome); // 10
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return (outcome is null ? opened.Fail("cut short by shutdown", Now) with { Result = PassResult.CutShort } : outcome.Complete(Now), outcome);
        }
        catch (Exception exception) // a failed pass must not end the loop; what was resumed before the failure stays recorded
        {
            status.Loop.Record(); // the store has answered, or its time-out has
            string error = await HandleFailureAsync(opened.Start, exception, stopping).ConfigureAwait(false);
            return (outcome is null ? opened.Fail(error, Now) : outcome.Complete(Now, error), outcome);
        }
    }

    /// <summary>Returns the plan of an explicit pass that would run now. Changes nothing on the store.</summary>
    /// <exception cref="InvalidOperationException">This process has not joined, or the database has lost its join. Only a pass joins.</exception>
    public async Task<RecoveryPlanReport> DryRunAsync(CancellationToken stopping)
    {
        coordinator.ThrowIfIncompatible();
        coordinator.ThrowIfFenced();
        Membership member = coordinator.Member ?? throw new InvalidOperationException(
            "This process has not joined as a coordinator yet, and a plan does not join. Request the plan again after the first pass.");
        OpenedPass opened = tracker.OpenDryRun(Now);
        try
        {
            RecoveryControls forecast = await guard.ForecastControlsAsync(member, stopping).ConfigureAwait(false);
            CandidateListing listing = await FillListingAsync(opened, member, stopping).ConfigureAwait(false);
            RecoveryPlan plan = DrainAndPlan(opened, listing, forecast);
            RecoveryPlanReport report = plan.ToReport(Now);
            AccountForStarts(plan.BeginOutcome().Complete(Now));
            return report;
        }
        catch (Exception exception) // the caller gets the exception; the starts that were drained are counted all the same
        {
            if (exception is CoordinatorFencedException fenced)
            {
                coordinator.ReportFenced(fenced);
            }

            AccountForStarts(opened.Fail(ErrorText.Of(exception), Now));
            if (exception is JoinLostException)
            {
                throw new InvalidOperationException(
                    "The database has lost the join of this process, and a plan does not join. Request the plan again after the next pass.", exception);
            }

            throw;
        }

        void AccountForStarts(PassReport dryRun)
        {
            log.Write(opened);
            status.DryRunEnded(dryRun);
            metrics.RecordStarts(dryRun);
        }
    }

    private void Announce(PassStart pass)
    {
        Log.Activating(logger, pass.Iteration, pass.Reason);
        status.PassBegan(pass);
    }

    private void Publish(OpenedPass opened, PassReport report, PassOutcome? outcome, Activity? span)
    {
        metrics.RecordPass(report); // before the status, as the log: a reader that sees the pass in the status must find it in both
        PassSpan.Report(span, report);
        log.Write(opened);
        log.Write(tracker.UnknownDefinitions);
        log.Write(report, outcome is null ? null : outcome.HasResult);
        status.PassEnded(report, tracker, _lastControls);
        _firstEnded.TrySetResult();
    }

    private Task<Membership> JoinAsync(CancellationToken stopping) => coordinator.EnsureJoinedAsync(store, stopping);

    /// <summary>Reads the controls, and joins again if the database has lost the join.</summary>
    /// <returns>The membership with which the pass continues.</returns>
    private async Task<Membership> ReadControlsAsync(Membership member, CancellationToken stopping)
    {
        try
        {
            await ReadAsync().ConfigureAwait(false);
        }
        catch (JoinLostException) // nothing has been listed yet, so the pass can continue with a new join
        {
            member = await coordinator.RejoinAsync(member, stopping).ConfigureAwait(false);
            await ReadAsync().ConfigureAwait(false);
        }

        operatorActionLog.Report(_lastControls.RecentActions);
        return member;

        async Task ReadAsync()
        {
            await guard.PrepareAsync(member, stopping).ConfigureAwait(false);
            status.Loop.Record();
            _lastControls = await guard.ReadControlsAsync(member, stopping).ConfigureAwait(false);
            status.Loop.Record();
        }
    }

    private async Task<CandidateListing> ListAsync(OpenedPass opened, Membership member, CancellationToken stopping)
    {
        _rejoinsWhenListed = coordinator.Rejoins;
        CandidateListing listing = await FillListingAsync(opened, member, stopping).ConfigureAwait(false);
        Volatile.Write(ref _assignedWhenListed, _lastControls.Assigned);
        Log.ListedCandidates(logger, listing.Count);
        return listing;
    }

    private async Task<CandidateListing> FillListingAsync(OpenedPass opened, Membership member, CancellationToken stopping)
    {
        CandidateListing listing = opened.BeginListing(); // after the first drain: the listing contains every saga whose start that drain settled
        await store.ListCandidatesAsync(member, listing, stopping).ConfigureAwait(false);
        status.Loop.Record();
        listing.SetSupport(runnable.Snapshot().Find);
        return listing;
    }

    /// <summary>
    /// Drains the starts again, then plans. In this order: every listed saga had been announced before it was listed. What the executor does not
    /// take now waits for a slot.
    /// </summary>
    private RecoveryPlan DrainAndPlan(OpenedPass opened, CandidateListing listing, RecoveryControls found)
    {
        ExecutorCapacity? capacity = resumer.GetCapacity(); // before the closing drain, since nothing may come between it and the plan
        return opened.Reconcile(listing, found, Now).MakePlan(capacity);
    }

    /// <summary>
    /// Ensures that the listing still shows what the database holds, before any saga counts as finished. Rows can be lost only in a
    /// fail-over or a restore. After one, this method counts and logs the sagas whose rows are missing.
    /// </summary>
    /// <exception cref="JoinLostException">The database has been failed over or restored since it was listed.</exception>
    private async Task AccountForLossAsync(Membership member, RecoveryPlan plan, PassOutcome outcome, CancellationToken stopping)
    {
        IEnumerable<UnlistedSaga> doubtful = _rejoinsWhenListed == _rejoinsAccountedFor ? [] : plan.NoLongerListed;
        IReadOnlyList<SagaId> lost = plan.NoLongerListed.Count == 0
            ? []
            : await store.FindLostAsync(member, [.. doubtful.Select(saga => saga.SagaId)], stopping).ConfigureAwait(false);
        outcome.RecordLost(lost);
        foreach (SagaId sagaId in lost)
        {
            Log.LostByDatabase(logger, sagaId);
        }

        _rejoinsAccountedFor = _rejoinsWhenListed;
    }

    /// <summary>Reports that the sagas assigned before the listing are handled. The process that assigned them may wait for this.</summary>
    private async Task ReportCaughtUpAsync(Membership member, PassOutcome outcome, CancellationToken stopping)
    {
        if (_lastControls.Assigned > _lastControls.CaughtUp && outcome.NotRunning is { } notRunning)
        {
            await controls.ReportCaughtUpAsync(member, _lastControls.Assigned, notRunning, stopping).ConfigureAwait(false);
        }
    }

    private Task ResumeAllAsync(
        PassStart pass, Membership member, RecoveryPlan plan, PassOutcome outcome, CancellationToken stopping, CancellationToken abort)
    {
        var work = new ResumeWork([.. plan.Recover, .. plan.Readopted.Select(saga => saga.Candidate)], pass.StartedAt)
        {
            Previous = plan.Readopted.ToDictionary(saga => saga.Candidate.SagaId, saga => saga.Previous),
        };
        return batches.ResumeAllAsync(work, member, outcome.Record, stopping, abort);
    }

    /// <summary>Waits until a task has ended, and ignores its failure.</summary>
    private static async Task WaitForEndAsync(Task work) => await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>Logs the failure of a pass, stops or joins again where the exception asks for it, and returns the error in one line.</summary>
    private async Task<string> HandleFailureAsync(PassStart pass, Exception exception, CancellationToken stopping)
    {
        if (exception is CoordinatorFencedException fenced)
        {
            coordinator.ReportFenced(fenced);
        }
        else if (exception is JoinLostException lost)
        {
            await WaitForEndAsync(coordinator.RejoinAsync(lost.Member, stopping)).ConfigureAwait(false); // the next pass uses the new join
        }

        string error = ErrorText.Of(exception);
        string logged = exception is IncompatibleStoreException ? "this process cannot work with its store, as logged with event 66" : error;
        Log.PassFailed(logger, pass.Iteration, logged); // one line, since an unreachable database fails many passes; the trace is logged at Debug
        Log.PassFailedDetails(logger, pass.Iteration, exception);
        return error;
    }
}
