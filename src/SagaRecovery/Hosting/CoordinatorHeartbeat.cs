using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Activation;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Hosting;

/// <summary>
/// Gives signs of life and hears hints, looks for sagas that do not progress or have nobody to run them, and for coordinators that are
/// dead. A sign of life that is refused is how an idle process learns that it is fenced. What fails here is tried again: passes tell of a
/// database that is away.
/// </summary>
internal sealed class CoordinatorHeartbeat(
    ISagaControls controls,
    ISagaCluster cluster,
    TakeOver takeOver,
    RecoveryPass pass,
    RecoveryWakeups wakeups,
    ISagaExecutor executor,
    SagaCoordinator coordinator,
    SagaRecoveryStatus status,
    IOptions<SagaRecoveryOptions> options,
    TimeProvider time,
    ILogger<CoordinatorHeartbeat> logger) : BackgroundService
{
    private readonly SagaRecoveryOptions _options = options.Value;
    private readonly StalledThresholds _patience = new(options.Value.StalledAfter, options.Value.StalledAfterByDefinition);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        WarnAboutUnusedSettings();
        try
        {
            await coordinator.JoinedAsync(stoppingToken).ConfigureAwait(false);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, coordinator.Fenced);
            using var ended = new DetachedCancellation(either.Token);
            coordinator.Rejoined += (_, _) => wakeups.Request(PassReason.Hint); // the database may show other sagas than before
            await Task.WhenAll(Work(ended.Token)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested || coordinator.Fenced.IsCancellationRequested)
        {
            // shutdown, or somebody else is the coordinator now
        }
        catch (CoordinatorFencedException)
        {
            // before it had begun
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

    /// <summary>What the store cannot do is not tried again and again: no timers for nothing.</summary>
    private IEnumerable<Task> Work(CancellationToken ended)
    {
        if (controls is not NoSagaControls)
        {
            var profile = new CoordinatorProfile(ProgramVersion.OfThisProcess, executor.Definitions);
            TimeSpan again = _options.RetryDelay < _options.HeartbeatPeriod ? _options.RetryDelay : _options.HeartbeatPeriod;
            yield return EachAsync(again, member => controls.RunHeartbeatAsync(member, profile, _options.HeartbeatPeriod, OnNotification, ended), ended);
            yield return AfterFirstPassAsync(member => CheckForStalledSagasAsync(member, ended), ended);
        }

        if (cluster is not NoSagaCluster)
        {
            yield return AfterFirstPassAsync(_ => CheckForOrphansAsync(ended), ended);
            if (takeOver.IsOn)
            {
                yield return EachAsync(_options.HeartbeatPeriod, member => takeOver.CheckAsync(member, ended), ended);
            }
        }
    }

    /// <summary>
    /// Looks at all sagas, not before the first pass is over: as long as they are being recovered there is nothing to see, and the look
    /// would take from the database what recovery needs. A pass that takes longer than the period is not waited for.
    /// </summary>
    private async Task AfterFirstPassAsync(Func<Membership, Task> look, CancellationToken ended)
    {
        await pass.FirstEnded.WaitAsync(_options.StalledCheckPeriod, time, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ended.ThrowIfCancellationRequested();
        await EachAsync(_options.StalledCheckPeriod, look, ended).ConfigureAwait(false);
    }

    private async Task EachAsync(TimeSpan period, Func<Membership, Task> work, CancellationToken ended)
    {
        while (true)
        {
            await TryAsync(work, ended).ConfigureAwait(false);
            await Task.Delay(period, time, ended).ConfigureAwait(false);
        }
    }

    private void OnNotification(CoordinatorNotification news)
    {
        if (news is not CoordinatorNotification.Listening listening)
        {
            wakeups.Request(PassReason.Hint);
        }
        else if (wakeups.LastPassFailed)
        {
            wakeups.Request(PassReason.Retry); // the store is back, and the retry that is due may be half a minute off
        }
        else if (pass.AssignedWhenListed >= 0 && listening.Assigned > pass.AssignedWhenListed)
        {
            wakeups.Request(PassReason.Hint); // nobody listened; before the first pass has listed, that one will see it
        }
    }

    private async Task CheckForStalledSagasAsync(Membership member, CancellationToken cancellationToken) =>
        status.Update(await controls.FindStalledAsync(member, _patience, cancellationToken).ConfigureAwait(false));

    private async Task CheckForOrphansAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<OwnedSagas> owned = await cluster.CountUnfinishedAsync(cancellationToken).ConfigureAwait(false);
        status.Update(ClusterDetails.Of(owned, time.GetUtcNow()).ToReport());
    }

    private async Task TryAsync(Func<Membership, Task> work, CancellationToken ended)
    {
        try
        {
            Membership member = await coordinator.JoinedAsync(ended).ConfigureAwait(false);
            try
            {
                await work(member).ConfigureAwait(false);
            }
            catch (JoinLostException)
            {
                await coordinator.RejoinAsync(member, ended).ConfigureAwait(false); // and it is tried once more when it is due again
            }
        }
        catch (CoordinatorFencedException fenced)
        {
            coordinator.ReportFenced(fenced);
        }
        catch (Exception exception) // the store's; it is tried again, and passes tell of a store that is away
        {
            Log.HeartbeatFailed(logger, exception);
        }
    }
}
