using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Hosting;

/// <summary>
/// Deletes what has expired, in each process and one process at a time. If retention is off, it only publishes how many ended sagas there are.
/// </summary>
/// <remarks>
/// A deletion needs no join: the check of each saga and its deletion are one statement behind the lock on its row. A fenced process stops
/// nevertheless, since its settings may be outdated.
/// </remarks>
internal sealed class RetentionJob(
    ISagaRetention store,
    ArchiveChoice archive,
    RecoveryPass pass,
    SagaCoordinator coordinator,
    SagaRecoveryStatus status,
    RetentionMetrics metrics,
    IOptions<RetentionOptions> options,
    IOptions<SagaRecoveryOptions> recovery,
    SteadyTimeProvider time,
    ILogger<RetentionJob> logger) : BackgroundService
{
    /// <summary>The time from the first pass to the first run, and between two checks of the sagas that wait for a slot.</summary>
    private static readonly TimeSpan s_firstDelay = TimeSpan.FromSeconds(30);

    private readonly RetentionOptions _options = options.Value;
    private readonly PurgeTurns _turns = new(store, new PurgePace(options.Value.BatchSize, options.Value.BatchPause), time);
    private readonly HashSet<string> _unknownNames = new(StringComparer.OrdinalIgnoreCase);
    private RetentionReport _report = new(options.Value.IsOn ? RetentionPolicy.Describe(options.Value) : null) { Archives = archive.Archive is not null };

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (store is NoSagaRetention)
        {
            if (_options.IsOn)
            {
                Log.NoRetention(logger, RetentionOptions.SectionName);
            }

            return;
        }

        using var stoppingOrFenced = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, coordinator.Fenced);
        using var detached = new DetachedCancellation(stoppingOrFenced.Token);
        try
        {
            await coordinator.FirstJoined.WaitAsync(detached.Token).ConfigureAwait(false);
            await pass.FirstEnded.WaitAsync(detached.Token).ConfigureAwait(false);
            await RepeatAsync(detached.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested || coordinator.Fenced.IsCancellationRequested)
        {
            // shutdown, or another process has joined as this coordinator
        }
    }

    private async Task RepeatAsync(CancellationToken cancellationToken)
    {
        if (_options.IsOn)
        {
            await WaitForRecoveryAsync(cancellationToken).ConfigureAwait(false);
        }

        while (true)
        {
            TimeSpan delay = _options.IsOn ? await RunAsync(cancellationToken).ConfigureAwait(false) : await EstimateAloneAsync(cancellationToken).ConfigureAwait(false);
            await WaitForNextRunAsync(delay, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Waits until no saga waits for a slot: recovery needs the database more. After a period the first run begins in any case, since sagas of a full
    /// executor may wait for days.
    /// </summary>
    private async Task WaitForRecoveryAsync(CancellationToken cancellationToken)
    {
        TimeSpan waited = TimeSpan.Zero;
        do
        {
            TimeSpan rest = _options.Period - waited;
            TimeSpan delay = rest < s_firstDelay ? rest : s_firstDelay;
            await WaitForNextRunAsync(delay, cancellationToken).ConfigureAwait(false);
            waited += delay;
        }
        while (status.Current.NotLoaded > 0 && waited < _options.Period);
    }

    private async Task WaitForNextRunAsync(TimeSpan delay, CancellationToken cancellationToken)
    {
        DateTimeOffset next = time.Now + delay;
        Task wait = Task.Delay(delay, time, cancellationToken); // before the report: a reader of the time finds its timer set
        Publish(_report with { NextRun = _options.IsOn ? next : null });
        await wait.ConfigureAwait(false);
    }

    /// <summary>Estimates the number of ended sagas while retention is off.</summary>
    /// <returns>The time until the next estimate.</returns>
    private async Task<TimeSpan> EstimateAloneAsync(CancellationToken cancellationToken)
    {
        bool isEstimated = await TryEstimateAsync(cancellationToken).ConfigureAwait(false);
        return isEstimated || _options.Period < s_firstDelay ? _options.Period : s_firstDelay;
    }

    /// <summary>Publishes the number of ended sagas. A failure is none of retention: a pass reports a store that is unreachable.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Stores of users may throw anything. The estimate is repeated.")]
    private async Task<bool> TryEstimateAsync(CancellationToken cancellationToken)
    {
        try
        {
            EndedSagas ended = await store.EstimateEndedAsync(cancellationToken).ConfigureAwait(false);
            Publish(_report with { EndedAbout = ended.About, Oldest = ended.Oldest });
            return true;
        }
        catch (Exception exception)
        {
            cancellationToken.ThrowIfCancellationRequested(); // as in RunAsync
            Log.EndedNotEstimated(logger, exception);
            return false;
        }
    }

    /// <summary>Runs once, and reports the run in the status, the log and the metrics.</summary>
    /// <returns>The time until the next run.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "Stores and archives of users may throw anything. The run is retried, and its error is reported.")]
    private async Task<TimeSpan> RunAsync(CancellationToken cancellationToken)
    {
        var tally = new PurgeTally();
        DateTimeOffset startedAt = time.Now;
        Publish(_report with { RunningSince = startedAt, NextRun = null });
        long began = time.GetTimestamp();
        bool elsewhere = false;
        Exception? failure = null;
        try
        {
            elsewhere = !await TryRunOnceAsync(tally, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            // An archive may answer the cancellation with any exception. One that leaves a background service stops its host.
            cancellationToken.ThrowIfCancellationRequested();
            failure = exception;
        }

        TimeSpan duration = time.GetElapsedTime(began);
        if (failure is null)
        {
            await TryEstimateAsync(cancellationToken).ConfigureAwait(false);
        }

        Report(tally, failure, new RetentionRun(startedAt, duration)
        {
            Elsewhere = elsewhere,
            Found = tally.Found,
            Archived = tally.Archived,
            Deleted = tally.Deleted,
            Definitions = tally.Definitions,
            Actions = tally.Actions,
            Coordinators = tally.Coordinators,
            Error = failure is null ? null : ErrorText.Of(failure),
        });
        return DelayAfter(_report.FailedInARow);
    }

    /// <returns>False if another process has the turn.</returns>
    private async Task<bool> TryRunOnceAsync(PurgeTally tally, CancellationToken cancellationToken)
    {
        IReadOnlyList<StoredDefinition> definitions = await store.ListDefinitionsAsync(cancellationToken).ConfigureAwait(false);
        WarnOfUnknownNames(definitions);
        PurgeStop sagas = await new SagaPurge(store, archive.Archive, _turns, time)
            .RunAsync(RetentionPolicy.Plan(_options, definitions), from: null, tally, cancellationToken).ConfigureAwait(false);
        return sagas.End is PurgeEnd.Complete
            && await new LeftoverPurge(store, _options, _turns).TryRunAsync(tally, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Logs each name of the settings once that no stored definition has. It may be misspelled, and its rule then has no effect.</summary>
    private void WarnOfUnknownNames(IReadOnlyList<StoredDefinition> definitions)
    {
        foreach (string name in _options.ByDefinition.Keys.Where(name => !definitions.Any(one => string.Equals(one.Name, name, StringComparison.OrdinalIgnoreCase))))
        {
            if (_unknownNames.Add(name))
            {
                Log.RetentionOfUnknownDefinition(logger, PlainText.OneLine(name), RetentionOptions.SectionName);
            }
        }
    }

    private void Report(PurgeTally tally, Exception? failure, RetentionRun run)
    {
        Publish(_report.After(run));
        metrics.Record(run);
        if (failure is not null)
        {
            Log.RetentionFailed(logger, run.Deleted, PlainText.Duration(DelayAfter(_report.FailedInARow)), run.Error!);
            Log.RetentionFailedDetails(logger, failure);
        }
        else if (run.Elsewhere)
        {
            Log.RetentionElsewhere(logger, run.Deleted);
        }
        else
        {
            Log.RetentionRan(logger, PlainText.Duration(run.Duration), run.Deleted, Log.Exported(run.Archived), tally.Definitions, tally.Actions, tally.Coordinators);
        }
    }

    /// <summary>Returns the delay until the next run: the period, or less while runs fail.</summary>
    private TimeSpan DelayAfter(int failedInARow)
    {
        TimeSpan retry = recovery.Value.RetryDelay * Math.Pow(2, Math.Min(failedInARow, 20) - 1);
        return failedInARow == 0 || retry > _options.Period ? _options.Period : retry;
    }

    private void Publish(RetentionReport report)
    {
        _report = report;
        status.Update(report);
    }
}
