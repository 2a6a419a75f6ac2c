using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Hosting;

/// <summary>
/// One recovery pass, top to bottom: drain, list, drain, plan, tell the executor what is gone, hand over what nobody runs, complete.
/// Decisions are the tracker's; this acts on them. Passes do not overlap.
/// </summary>
internal sealed class RecoveryPass(
    SagaTracker tracker,
    ISagaStore store,
    ISagaControls controls,
    CrashLoopGuard guard,
    SagaResumer handOver,
    SagaCoordinator coordinator,
    SagaRecoveryStatus status,
    RecoveryMetrics metrics,
    OperatorActionLog operatorActionLog,
    IOptions<SagaRecoveryOptions> options,
    TimeProvider time,
    ILogger<SagaRecoveryService> logger)
{
    /// <summary>Batches loaded at once: what one waits for, the database or this process, the other uses.</summary>
    private const int ConcurrentLoads = 2;

    private readonly int _loadBatchSize = options.Value.LoadBatchSize;
    private readonly int _maxConcurrency = options.Value.MaxConcurrency;

    private readonly TaskCompletionSource _firstEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RecoveryControls _asked = RecoveryControls.None; // as it was last read
    private long _assignedWhenListed = -1;
    private int _rejoinsAccountedFor;
    private int _rejoinsWhenListed;

    /// <summary>The number of the last assignment whose sagas a listing has shown; -1: none has been read yet.</summary>
    public long AssignedWhenListed => Volatile.Read(ref _assignedWhenListed);

    /// <summary>Completes when a pass has ended, whatever came of it.</summary>
    public Task FirstEnded => _firstEnded.Task;

    /// <summary>How a worker that hands sagas over is begun: on the thread pool, unless a test walks interleavings on one thread.</summary>
    public Func<Func<Task>, Task> BeginWorker { get; init; } = Task.Run;

    private DateTimeOffset Now => time.GetUtcNow();

    /// <param name="reason">What asked for the pass.</param>
    /// <param name="stopping">Shutdown has begun: no further saga is begun, the hand-overs in hand go on.</param>
    /// <param name="abort">The time for shutdown is up: the hand-overs in hand are given up too.</param>
    public async Task<PassReport> RunAsync(PassReason reason, CancellationToken stopping, CancellationToken abort)
    {
        using Activity? span = SagaRecoveryTelemetry.Source.StartActivity("saga_recovery.pass");
        OpenedPass opened = tracker.OpenPass(reason, Now);
        PassReport report = await ListAndExecuteAsync(opened, stopping, abort).ConfigureAwait(false);

        metrics.PassEnded(report); // first: whoever sees the pass in the status finds it counted
        status.PassEnded(report, tracker, _asked);
        PassSpan.Report(span, report);
        PassLog.Write(logger, opened);
        PassLog.Write(logger, report);
        _firstEnded.TrySetResult();
        return report;
    }

    private async Task<PassReport> ListAndExecuteAsync(OpenedPass opened, CancellationToken stopping, CancellationToken abort)
    {
        Membership member;
        RecoveryPlan plan;
        try
        {
            Log.Activating(logger, opened.Start.Iteration, opened.Start.Reason);
            status.PassBegan(opened.Start);
            (member, plan) = await JoinAndPlanAsync(opened, stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return opened.Fail("cut short by shutdown", Now) with { Result = PassResult.CutShort };
        }
        catch (Exception exception) // a failing pass never ends the loop: this is where it ends instead
        {
            return opened.Fail(await ExplainAsync(opened.Start, exception, stopping).ConfigureAwait(false), Now);
        }

        PassOutcome outcome = plan.BeginOutcome();
        try
        {
            PassLog.Write(logger, plan, _asked.Paused);
            await AccountForLossAsync(member, plan, outcome, stopping).ConfigureAwait(false); // first: a listing from before a loss ends no run
            await handOver.RelinquishUnlistedAsync(plan, outcome, abort).ConfigureAwait(false);
            await ResumeAllAsync(opened.Start, member, plan, outcome, stopping, abort).ConfigureAwait(false);
            await ReportCaughtUpAsync(member, outcome, stopping).ConfigureAwait(false);
            return outcome.Complete(Now);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return outcome.Complete(Now);
        }
        catch (Exception exception) // as above; what was handed over before it stays recorded
        {
            return outcome.Complete(Now, await ExplainAsync(opened.Start, exception, stopping).ConfigureAwait(false));
        }
    }

    /// <summary>A pass that stops where it has its plan: what an explicit pass would do now.</summary>
    public async Task<RecoveryPlanReport> DryRunAsync(CancellationToken stopping)
    {
        OpenedPass opened = tracker.OpenPass(PassReason.Explicit, Now);
        try
        {
            (_, RecoveryPlan plan) = await JoinAndPlanAsync(opened, stopping).ConfigureAwait(false);
            RecoveryPlanReport report = plan.ToReport(Now);
            AccountForStarts(plan.BeginOutcome().Complete(Now));
            return report;
        }
        catch (Exception exception) // whoever asked for the plan hears of it; the starts that were drained are counted all the same
        {
            if (exception is CoordinatorFencedException fenced)
            {
                coordinator.ReportFenced(fenced);
            }

            AccountForStarts(opened.Fail(ErrorText.Of(exception), Now));
            throw;
        }

        void AccountForStarts(PassReport dryRun)
        {
            status.DryRunEnded(dryRun);
            metrics.StartsRead(dryRun);
        }
    }

    private async Task<(Membership Member, RecoveryPlan Plan)> JoinAndPlanAsync(OpenedPass opened, CancellationToken stopping)
    {
        Membership member = await coordinator.EnsureJoinedAsync(store, stopping).ConfigureAwait(false);
        try
        {
            await ReadControlsAsync(member, stopping).ConfigureAwait(false);
        }
        catch (JoinLostException) // nothing has been listed yet: the pass goes on as the process that joins now
        {
            member = await coordinator.RejoinAsync(member, stopping).ConfigureAwait(false);
            await ReadControlsAsync(member, stopping).ConfigureAwait(false);
        }

        return (member, await PlanAsync(opened, member, stopping).ConfigureAwait(false));
    }

    private async Task ReadControlsAsync(Membership member, CancellationToken stopping)
    {
        await guard.PrepareAsync(member, stopping).ConfigureAwait(false);
        _asked = await guard.ReadControlsAsync(member, stopping).ConfigureAwait(false);
    }

    private async Task<RecoveryPlan> PlanAsync(OpenedPass opened, Membership member, CancellationToken stopping)
    {
        operatorActionLog.Report(_asked.RecentActions);
        _rejoinsWhenListed = coordinator.Rejoins;
        CandidateListing listing = opened.BeginListing(); // the opening drain is done: what it settled, the listing cannot miss
        await store.ListCandidatesAsync(member, listing, stopping).ConfigureAwait(false);
        Volatile.Write(ref _assignedWhenListed, _asked.Assigned);
        Log.ListedCandidates(logger, listing.Count);
        return opened.Reconcile(listing, _asked, Now).MakePlan(); // drains first: what was listed had been announced
    }

    /// <summary>
    /// Before anything is taken for finished: the listing still shows what the database holds, or this throws. If the database was failed
    /// over or restored since the last time, the sagas whose rows are gone are counted and named; only then can a row have been lost.
    /// </summary>
    /// <exception cref="JoinLostException">The database has been failed over or restored since it was listed.</exception>
    private async Task AccountForLossAsync(Membership member, RecoveryPlan plan, PassOutcome outcome, CancellationToken stopping)
    {
        IEnumerable<UnlistedSaga> doubtful = _rejoinsWhenListed == _rejoinsAccountedFor ? [] : plan.NoLongerListed;
        IReadOnlyList<SagaId> lost = plan.NoLongerListed.Count == 0
            ? []
            : await store.FindLostAsync(member, [.. doubtful.Select(gone => gone.SagaId)], stopping).ConfigureAwait(false);
        outcome.RecordLost(lost);
        foreach (SagaId sagaId in lost)
        {
            Log.LostByDatabase(logger, sagaId);
        }

        _rejoinsAccountedFor = _rejoinsWhenListed;
    }

    /// <summary>Whoever gave this coordinator sagas may wait for this: what had been assigned before the listing has been seen to.</summary>
    private async Task ReportCaughtUpAsync(Membership member, PassOutcome outcome, CancellationToken stopping)
    {
        if (_asked.Assigned > _asked.CaughtUp && outcome.NotRunning is { } notRunning)
        {
            await controls.ReportCaughtUpAsync(member, _asked.Assigned, notRunning, stopping).ConfigureAwait(false);
        }
    }

    private async Task ResumeAllAsync(
        PassStart pass, Membership member, RecoveryPlan plan, PassOutcome outcome, CancellationToken stopping, CancellationToken abort)
    {
        var previous = plan.Readopted.ToDictionary(saga => saga.Candidate.SagaId, saga => saga.Previous);
        List<Candidate[]> batches = [.. plan.Recover.Concat(plan.Readopted.Select(saga => saga.Candidate)).Chunk(_loadBatchSize)];
        var loads = new Queue<Task<IReadOnlyList<LoadedSaga>>>();
        try
        {
            for (int i = 0; i < batches.Count && !stopping.IsCancellationRequested; i++)
            {
                foreach (Candidate[] batch in batches.Skip(i + loads.Count).Take(ConcurrentLoads - loads.Count))
                {
                    loads.Enqueue(LoadAsync(batch));
                }

                IReadOnlyList<LoadedSaga> loaded = await loads.Dequeue().ConfigureAwait(false);
                await SideBySideAsync(batches[i].Length, saga => ResumeOneAsync(batches[i][saga], loaded[saga])).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (Task unused in loads)
            {
                await EndedAsync(unused).ConfigureAwait(false);
            }
        }

        async Task<IReadOnlyList<LoadedSaga>> LoadAsync(Candidate[] batch)
        {
            Task<IReadOnlyList<LoadedSaga>> load = store.LoadAsync(member, batch, stopping);
            try
            {
                await guard.RecordInFlightAsync(member, batch, stopping).ConfigureAwait(false); // before any of them could kill this process
            }
            catch
            {
                await EndedAsync(load).ConfigureAwait(false);
                throw;
            }

            return await load.ConfigureAwait(false);
        }

        async ValueTask ResumeOneAsync(Candidate candidate, LoadedSaga loaded)
        {
            if (stopping.IsCancellationRequested || coordinator.Fenced.IsCancellationRequested)
            {
                return; // not attempted
            }

            AdoptGeneration? older = previous.TryGetValue(candidate.SagaId, out AdoptGeneration generation) ? generation : null;
            ResumeResult result = await handOver.RunAsync(member, candidate, loaded, older, abort).ConfigureAwait(false);
            DateTimeOffset now = Now;
            outcome.Record(candidate.SagaId, result, now);
            if (result is ResumeResult.Recovered)
            {
                metrics.Recovered(now - tracker.IdleSinceOf(candidate.SagaId, pass));
            }
        }
    }

    /// <summary>Does work of so many pieces, as many of them side by side as the options allow.</summary>
    private Task SideBySideAsync(int count, Func<int, ValueTask> work)
    {
        int last = -1;
        return Task.WhenAll(Enumerable.Range(0, Math.Min(_maxConcurrency, count)).Select(_ => BeginWorker(WorkAsync)));

        async Task WorkAsync()
        {
            for (int next = Interlocked.Increment(ref last); next < count; next = Interlocked.Increment(ref last))
            {
                await work(next).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Waits for something whose failure has no consequence, so that it does not outlive its pass.</summary>
    private static async Task EndedAsync(Task work) => await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task<string> ExplainAsync(PassStart pass, Exception exception, CancellationToken stopping)
    {
        if (exception is CoordinatorFencedException fenced)
        {
            coordinator.ReportFenced(fenced);
        }
        else if (exception is JoinLostException lost)
        {
            await EndedAsync(coordinator.RejoinAsync(lost.Member, stopping)).ConfigureAwait(false); // the next pass goes on from there
        }

        string error = ErrorText.Of(exception);
        Log.PassFailed(logger, pass.Iteration, error); // a database that is away fails many passes: one line each, the trace for who asks
        Log.PassFailedDetails(logger, pass.Iteration, exception);
        return error;
    }
}
