using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;

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
    TimeProvider time,
    ILogger<RetentionJob> logger) : BackgroundService
{
    /// <summary>The longest time until the first run.</summary>
    private static readonly TimeSpan s_firstDelay = TimeSpan.FromSeconds(30);

    private readonly RetentionOptions _options = options.Value;
    private readonly SagaPurge _purge = new(store, archive.Archive, new PurgePace(options.Value.BatchSize, options.Value.BatchPause), time);
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
            await pass.FirstEnded.WaitAsync(detached.Token).ConfigureAwait(false); // recovery needs the database more
            await RepeatAsync(detached.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested || coordinator.Fenced.IsCancellationRequested)
        {
            // shutdown, or another process has joined as this coordinator
        }
    }

    private async Task RepeatAsync(CancellationToken cancellationToken)
    {
        TimeSpan delay = _options.IsOn && _options.Period > s_firstDelay ? s_firstDelay : _options.IsOn ? _options.Period : TimeSpan.Zero;
        while (true)
        {
            Publish(_report with { NextRun = _options.IsOn ? time.GetUtcNow() + delay : null });
            await Task.Delay(delay, time, cancellationToken).ConfigureAwait(false);
            delay = _options.IsOn ? await RunAsync(cancellationToken).ConfigureAwait(false) : await TryEstimateAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Publishes the number of ended sagas while retention is off. A failure is none of retention: a pass reports a store that is unreachable.</summary>
    /// <returns>The time until the next estimate.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "Stores of users may throw anything. The estimate is repeated.")]
    private async Task<TimeSpan> TryEstimateAsync(CancellationToken cancellationToken)
    {
        try
        {
            await EstimateAsync(cancellationToken).ConfigureAwait(false);
            return _options.Period;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            Log.RetentionFailedDetails(logger, exception);
            return s_firstDelay < _options.Period ? s_firstDelay : _options.Period;
        }
    }

    /// <summary>Runs once, and reports the run in the status, the log and the metrics.</summary>
    /// <returns>The time until the next run.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "Stores and archives of users may throw anything. The run is retried, and its error is reported.")]
    private async Task<TimeSpan> RunAsync(CancellationToken cancellationToken)
    {
        var tally = new PurgeTally();
        DateTimeOffset startedAt = time.GetUtcNow();
        long began = time.GetTimestamp();
        bool elsewhere = false;
        Exception? failure = null;
        try
        {
            elsewhere = !await RunOnceAsync(tally, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            failure = exception;
        }

        Report(tally, failure, new RetentionRun(startedAt, time.GetElapsedTime(began))
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
    private async Task<bool> RunOnceAsync(PurgeTally tally, CancellationToken cancellationToken)
    {
        IReadOnlyList<StoredDefinition> definitions = await store.ListDefinitionsAsync(cancellationToken).ConfigureAwait(false);
        PurgeEnd end = await _purge.RunAsync(RetentionPolicy.Plan(_options, definitions), tally, cancellationToken).ConfigureAwait(false);
        if (end is PurgeEnd.Complete)
        {
            await DeleteWhatNothingNamesAsync(tally, cancellationToken).ConfigureAwait(false);
        }

        await EstimateAsync(cancellationToken).ConfigureAwait(false);
        return end is PurgeEnd.Complete;
    }

    private async Task EstimateAsync(CancellationToken cancellationToken)
    {
        EndedSagas ended = await store.EstimateEndedAsync(cancellationToken).ConfigureAwait(false);
        Publish(_report with { EndedAbout = ended.About, Oldest = ended.Oldest });
    }

    /// <summary>Deletes operator actions after the sagas that they are about, and definitions after the coordinators that published them.</summary>
    private async Task DeleteWhatNothingNamesAsync(PurgeTally tally, CancellationToken cancellationToken)
    {
        if (_options.KeepOperatorActions is { } keepActions)
        {
            tally.Actions += await store.DeleteActionsAsync(keepActions, cancellationToken).ConfigureAwait(false);
        }

        if (_options.KeepSilentCoordinators is { } keepCoordinators)
        {
            tally.Coordinators += await store.DeleteCoordinatorsAsync(keepCoordinators, cancellationToken).ConfigureAwait(false);
        }

        if (_options.DeleteUnusedDefinitions)
        {
            tally.Definitions += await store.DeleteUnusedDefinitionsAsync(cancellationToken).ConfigureAwait(false);
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
            Log.RetentionRan(logger, PlainText.Duration(run.Duration), run.Deleted, run.Archived, tally.Definitions, tally.Actions, tally.Coordinators);
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
