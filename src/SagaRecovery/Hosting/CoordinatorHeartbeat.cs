using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Hosting;

/// <summary>
/// The background work beside the passes: sends heartbeats, receives hints, reviews the definitions once, and checks for
/// stalled sagas, orphans and dead coordinators.
/// A refused heartbeat is how an idle process learns that it is fenced. Failures here are retried and logged at Debug: <see cref="HeartbeatWatch"/>
/// warns when heartbeats are late, and a pass reports a database that is unreachable.
/// </summary>
internal sealed class CoordinatorHeartbeat(
    ISagaControls controls,
    ISagaCluster cluster,
    ISagaOperations operations,
    ISagaProblems problems,
    TakeOver takeOver,
    DefinitionReview definitionReview,
    RecoveryPass pass,
    RecoveryWakeups wakeups,
    ISagaExecutor executor,
    SagaTracker tracker,
    SagaCoordinator coordinator,
    SagaRecoveryStatus status,
    IOptions<SagaRecoveryOptions> options,
    SteadyTimeProvider time,
    ILogger<CoordinatorHeartbeat> logger) : BackgroundService
{
    private readonly SagaRecoveryOptions _options = options.Value;
    private readonly StepWarnings _stepWarnings = new(logger);
    private readonly StalledThresholds _stalledAfter = new(options.Value.StalledAfter, options.Value.StalledAfterByDefinition);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        WarnAboutUnusedSettings();
        using var watch = new HeartbeatWatch(status, wakeups, _options.HeartbeatPeriod, time, logger);
        try
        {
            await coordinator.FirstJoined.WaitAsync(stoppingToken).ConfigureAwait(false);
            using var stoppingOrFenced = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, coordinator.Fenced);
            using var detached = new DetachedCancellation(stoppingOrFenced.Token);
            coordinator.Rejoined += (_, _) => wakeups.Request(PassReason.Hint); // after a fail-over or a restore, the database may hold other sagas
            await Task.WhenAll(Work(watch, detached.Token)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested || coordinator.Fenced.IsCancellationRequested)
        {
            // shutdown, or another process has joined as this coordinator
        }

        if (coordinator.Fenced.IsCancellationRequested && !stoppingToken.IsCancellationRequested)
        {
            await LogSuccessorAsync(stoppingToken).ConfigureAwait(false);
        }
    }

    /// <summary>Logs the process that has fenced this one, which helps if two services were given the same id by mistake.</summary>
    private async Task LogSuccessorAsync(CancellationToken stoppingToken)
    {
        try
        {
            using var detached = new DetachedCancellation(stoppingToken);
            IReadOnlyList<CoordinatorDetails> coordinators = await operations.ListCoordinatorsAsync(detached.Token).ConfigureAwait(false);
            if (coordinators.FirstOrDefault(one => one.Id == coordinator.Id) is { } successor)
            {
                Log.FencedByProcess(logger, successor.Id, successor.Host, successor.ProcessId);
            }
        }
        catch (Exception exception) // from the store: this process has stopped its sagas, and the fence itself is logged
        {
            Log.HeartbeatFailed(logger, exception);
        }
    }

    private void WarnAboutUnusedSettings()
    {
        if (cluster is not NoSagaCluster)
        {
            return;
        }

        WarnIf(_options.TakeOverAfter is not null, nameof(_options.TakeOverAfter));
        WarnIf(_options.DrainFor is not null, nameof(_options.DrainFor));

        void WarnIf(bool isSet, string name)
        {
            if (isSet)
            {
                Log.NoCluster(logger, $"{SagaRecoveryOptions.SectionName}:{name}");
            }
        }
    }

    /// <summary>Starts the loops. A loop is left out if the store does not support its work, so that no timer runs in vain.</summary>
    private IEnumerable<Task> Work(HeartbeatWatch watch, CancellationToken cancellationToken)
    {
        yield return ReviewDefinitionsAsync(cancellationToken);
        if (controls is not NoSagaControls)
        {
            var profile = new CoordinatorProfile(ProgramVersion.OfThisProcess, executor.Definitions);
            TimeSpan retryDelay = _options.RetryDelay < _options.HeartbeatPeriod ? _options.RetryDelay : _options.HeartbeatPeriod;
            watch.Begin();
            yield return RepeatAsync(retryDelay, member => RunHeartbeatAsync(member, profile, watch, cancellationToken), cancellationToken);
            yield return RepeatAfterFirstPassAsync(member => CheckForStalledSagasAsync(member, cancellationToken), cancellationToken);
        }

        if (cluster is not NoSagaCluster)
        {
            yield return RepeatAfterFirstPassAsync(_ => CheckForOrphansAsync(cancellationToken), cancellationToken);
            if (takeOver.IsOn)
            {
                yield return RepeatAsync(_options.HeartbeatPeriod, member => takeOver.CheckAsync(member, cancellationToken), cancellationToken);
            }
        }
    }

    /// <summary>
    /// Repeats a check of all sagas, starting after the first pass. An earlier check would find nothing useful, and would compete with
    /// recovery for the database. The wait ends after one period even if the first pass takes longer.
    /// </summary>
    private async Task RepeatAfterFirstPassAsync(Func<Membership, Task> check, CancellationToken cancellationToken)
    {
        await WaitForFirstPassAsync(cancellationToken).ConfigureAwait(false);
        await RepeatAsync(_options.StalledCheckPeriod, check, cancellationToken).ConfigureAwait(false);
    }

    private async Task WaitForFirstPassAsync(CancellationToken cancellationToken)
    {
        await pass.FirstEnded.WaitAsync(_options.StalledCheckPeriod, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>
    /// Reviews the definitions once, after the first pass: it only logs, and would compete with recovery for the processor. A process that joins
    /// again has the same definitions.
    /// </summary>
    private async Task ReviewDefinitionsAsync(CancellationToken cancellationToken)
    {
        await WaitForFirstPassAsync(cancellationToken).ConfigureAwait(false);
        for (bool isDone = false; !isDone;)
        {
            await TryAsync(
                async member =>
                {
                    await definitionReview.RunAsync(member.Coordinator, cancellationToken).ConfigureAwait(false);
                    isDone = true;
                },
                cancellationToken).ConfigureAwait(false);
            if (!isDone)
            {
                await Task.Delay(_options.RetryDelay, time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task RepeatAsync(TimeSpan period, Func<Membership, Task> work, CancellationToken cancellationToken)
    {
        while (true)
        {
            await TryAsync(work, cancellationToken).ConfigureAwait(false);
            await Task.Delay(period, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task RunHeartbeatAsync(Membership member, CoordinatorProfile profile, HeartbeatWatch watch, CancellationToken cancellationToken)
    {
        try
        {
            await controls.RunHeartbeatAsync(member, profile, _options.HeartbeatPeriod, OnNotification, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not (CoordinatorFencedException or JoinLostException) && !cancellationToken.IsCancellationRequested)
        {
            watch.Failed(ErrorText.Of(exception));
            throw;
        }

        void OnNotification(CoordinatorNotification notification)
        {
            if (notification is CoordinatorNotification.HeartbeatWritten written)
            {
                watch.Written(written.ListenerError);
                return;
            }

            watch.Connected();
            RequestPass(notification);
        }
    }

    private void RequestPass(CoordinatorNotification notification)
    {
        if (notification is not CoordinatorNotification.Listening listening)
        {
            wakeups.Request(PassReason.Hint);
        }
        else if (wakeups.LastPassFailed)
        {
            wakeups.Request(PassReason.Retry); // the store is reachable again, and the next retry may be half a minute away
        }
        else if (pass.AssignedWhenListed >= 0 && (listening.Assigned > pass.AssignedWhenListed || wakeups.ExpectsHints))
        {
            wakeups.Request(PassReason.Hint); // the hint came before this process listened; the first pass needs no hint
        }
    }

    private async Task CheckForStalledSagasAsync(Membership member, CancellationToken cancellationToken)
    {
        IReadOnlyList<SagaRunProgress> runs = executor.GetRunsInProgress();
        DateTimeOffset now = time.Now;
        StepReport steps = StepReview.Review(runs, _stalledAfter, now);
        status.Update(steps);
        _stepWarnings.Report(steps);
        IReadOnlyCollection<SagaId> retrying = StepReview.NotStalled(runs, _stalledAfter, now);
        StalledSagas stalled = await controls.FindStalledAsync(
            member, _stalledAfter, among: tracker.RunningBesideBacklog, except: retrying, cancellationToken).ConfigureAwait(false);
        status.Update(stalled with { Sagas = [.. stalled.Sagas.Select(saga => saga with { Run = executor.FindRun(saga.SagaId) })] });
    }

    private async Task CheckForOrphansAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<OwnedSagas> owned = await cluster.CountUnfinishedAsync(cancellationToken).ConfigureAwait(false);
        status.Update(ClusterDetails.Of(owned, time.Now).ToReport());
        status.Update(await cluster.CountUnresolvedAsync(cancellationToken).ConfigureAwait(false));
        RecoveryReport report = status.Current;
        ProblemList present = await problems.ListAsync(ProcessProblems.Of(report), owned, cancellationToken).ConfigureAwait(false);
        present = ProcessProblems.CountAll(present, report);
        await problems.ForgetResolvedAsync(report.Problems, present, cancellationToken).ConfigureAwait(false);
        status.Update(present);
    }

    private async Task TryAsync(Func<Membership, Task> work, CancellationToken cancellationToken)
    {
        try
        {
            Membership member = await coordinator.JoinedAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await work(member).ConfigureAwait(false);
            }
            catch (JoinLostException)
            {
                await coordinator.RejoinAsync(member, cancellationToken).ConfigureAwait(false); // the work runs again when it is next due
            }
        }
        catch (CoordinatorFencedException fenced)
        {
            coordinator.ReportFenced(fenced);
        }
        catch (Exception exception) // from the store: retried, and a pass reports a store that is unreachable
        {
            Log.HeartbeatFailed(logger, exception);
        }
    }
}
