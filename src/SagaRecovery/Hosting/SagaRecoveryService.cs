using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Timing;

namespace SagaRecovery.Hosting;

/// <summary>
/// The recovery loop: waits for a request, runs a pass or a refill, answers the callers, and sets the timer for the next pass. Only shutdown
/// ends the loop, and start-up does not wait for it.
/// </summary>
internal sealed class SagaRecoveryService : BackgroundService
{
    /// <summary>
    /// The multiple of <see cref="SagaRecoveryOptions.MaxUnreadStarts"/> at which refills request a pass. Each resumed saga leaves one message
    /// when it ends, and a pass lists all sagas that wait: few passes are better.
    /// </summary>
    private const int UnreadPerPass = 10;

    private readonly CancellationTokenSource _abort = new();
    private readonly RecoveryPass _pass;
    private readonly SlotRefill _refill;
    private readonly SagaStarts _starts;
    private readonly CrashLoopGuard _guard;
    private readonly RecoveryWakeups _wakeups;
    private readonly SagaTracker _tracker;
    private readonly LoopProgress _progress;
    private readonly SagaRecoveryOptions _options;
    private readonly SteadyTimeProvider _time;
    private readonly ILogger<SagaRecoveryService> _logger;
    private readonly CancellationTokenRegistration _closeStarts;
    private int _failedPasses;
    private DateTimeOffset _nextPeriodic; // the time of the next periodic pass
    private DateTimeOffset? _earliestDue; // of the sagas that back off; read anew only when that can have changed, since there may be many

    public SagaRecoveryService(
        RecoveryPass pass,
        SlotRefill refill,
        CrashLoopGuard guard,
        RecoveryWakeups wakeups,
        SagaTracker tracker,
        SagaStarts starts,
        IHostApplicationLifetime lifetime,
        LoopProgress progress,
        IOptions<SagaRecoveryOptions> options,
        SteadyTimeProvider time,
        ILogger<SagaRecoveryService> logger)
    {
        _pass = pass;
        _refill = refill;
        _starts = starts;
        _guard = guard;
        _logger = logger;
        _wakeups = wakeups;
        _tracker = tracker;
        _progress = progress;
        _options = options.Value;
        _time = time;
        _closeStarts = lifetime.ApplicationStopping.Register(() => starts.Close("shutting down"));
    }

    /// <summary>Stops the loop. Resumes in flight may finish within the time that the host allows.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration timeUp = cancellationToken.UnsafeRegister(
            static abort => _ = ((CancellationTokenSource)abort!).CancelAsync(), _abort);
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
        _wakeups.Close(); // the loop closes them too, but never runs if the host stops before it starts
    }

    public override void Dispose()
    {
        _closeStarts.Dispose();
        _abort.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var stopping = new DetachedCancellation(stoppingToken);
        PassReason due = PassReason.Periodic;
        using ITimer timer = _time.CreateTimer(_ => RequestDue(due), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        using ITimer tick = _time.CreateTimer(_ => _wakeups.Wake(), null, LoopProgress.Interval, LoopProgress.Interval);
        _progress.Begin();
        _wakeups.Request(PassReason.Startup); // not by the timer, which may be late: earlier requests then share this pass
        try
        {
            while (true)
            {
                await _wakeups.WaitAsync(stoppingToken).ConfigureAwait(false);
                _progress.Record();
                WakeupRequests requests = _wakeups.TakeRequests();
                bool isFirst = !_pass.FirstEnded.IsCompleted; // the first pass joins, and a dry run does not
                if (!isFirst)
                {
                    await RunDryRunAsync(requests, stopping.Token).ConfigureAwait(false);
                }

                if (await RunAsync(requests, stopping.Token).ConfigureAwait(false) is { } next)
                {
                    due = next.Reason;
                    timer.Change(next.Delay, Timeout.InfiniteTimeSpan);
                }

                if (isFirst)
                {
                    await RunDryRunAsync(requests, stopping.Token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            _progress.End(); // a loop that ends in any other way must look like one that hangs
        }
        finally
        {
            _wakeups.Close();
        }
    }

    /// <summary>Runs the pass or the refill that was requested.</summary>
    /// <returns>The schedule of the next pass; null if it has not changed.</returns>
    private async Task<PassSchedule?> RunAsync(WakeupRequests requests, CancellationToken stopping)
    {
        if (requests.Reason is { } reason)
        {
            PassSchedule next = await RunPassAsync(requests, reason, stopping).ConfigureAwait(false);
            if (_tracker.WaitingForSlot > 0)
            {
                _wakeups.RequestRefill(); // the executor may have got capacity in the meantime
            }

            return next;
        }

        if (!requests.Refill || _failedPasses > 0)
        {
            return null; // after a failed pass, its retry comes first
        }

        return _tracker.WaitingForSlot > 0 ? await RunRefillAsync(stopping).ConfigureAwait(false) : ScheduleAfterRefill();
    }

    /// <summary>Requests what the timer was set for: the next pass, or a refill if that is enough.</summary>
    private void RequestDue(PassReason due)
    {
        // The end of a probation clears sagas in flight. If it lets none be resumed, a refill does that without a listing.
        if (due == PassReason.Probation && _tracker.WaitingForSlot > 0 && _tracker.NextTurn is null)
        {
            _wakeups.RequestRefill();
        }
        else
        {
            _wakeups.Request(due);
        }
    }

    private async Task<PassSchedule> RunRefillAsync(CancellationToken stopping)
    {
        RefillResult result = await _refill.RunAsync(stopping, _abort.Token).ConfigureAwait(false);
        switch (result)
        {
            case RefillResult.Failed:
                return ScheduleNext(PassReason.Retry, failed: true);
            case RefillResult.Resumed or RefillResult.ResumedInPart:
                _wakeups.RequestRefill(); // until the executor takes no more; requests for a pass come first
                if (_starts.Unread >= UnreadPerPass * _options.MaxUnreadStarts)
                {
                    _wakeups.Request(PassReason.UnreadStarts); // forgets the sagas that have ended
                }

                _earliestDue = result == RefillResult.ResumedInPart ? FindEarliestDue() : _earliestDue;
                break;
        }

        return ScheduleAfterRefill();
    }

    private async Task RunDryRunAsync(WakeupRequests requests, CancellationToken stopping)
    {
        if (requests.DryRuns.Count == 0)
        {
            return;
        }

        try
        {
            requests.Answer(await _pass.DryRunAsync(stopping).ConfigureAwait(false));
        }
        catch (Exception exception) // from the store: each caller gets it
        {
            requests.FailDryRuns(exception);
        }
    }

    private async Task<PassSchedule> RunPassAsync(WakeupRequests requests, PassReason reason, CancellationToken stopping)
    {
        try
        {
            PassReport report = await _pass.RunAsync(reason, stopping, _abort.Token).ConfigureAwait(false);
            requests.Answer(report);
            return ScheduleNext(reason, failed: report.Result == PassResult.Failed);
        }
        catch (Exception exception) // a bug in this library or in a logger must not end the loop
        {
            requests.Fail(exception);
            Log.LoopError(_logger, exception);
            return ScheduleNext(reason, failed: true);
        }
    }

    private PassSchedule ScheduleNext(PassReason reason, bool failed)
    {
        // Repeated explicit requests while the database is unreachable must not delay the retry.
        bool countsAsRetry = reason != PassReason.Explicit || _failedPasses == 0;
        _failedPasses = !failed ? 0 : countsAsRetry ? _failedPasses + 1 : _failedPasses;
        _wakeups.LastPassFailed = failed;
        _nextPeriodic = _time.Now + _options.Period;
        _earliestDue = FindEarliestDue();
        return Schedule();
    }

    /// <summary>Schedules the next pass anew, since the refill may have changed what it waits for. The periodic pass is not put off.</summary>
    private PassSchedule ScheduleAfterRefill()
    {
        PassSchedule next = Schedule();
        TimeSpan toPeriodic = _nextPeriodic - _time.Now;
        return next.Delay < toPeriodic ? next : new PassSchedule(toPeriodic > TimeSpan.Zero ? toPeriodic : TimeSpan.Zero, PassReason.Periodic);
    }

    private DateTimeOffset? FindEarliestDue() => _tracker.Waiting.Where(saga => _pass.MayResume(saga.SagaId)).Min(saga => saga.NextTry);

    private PassSchedule Schedule() =>
        PassSchedule.Next(_failedPasses, _earliestDue, Earlier(_tracker.NextTurn, _guard.ProbationEnds), _time.Now, _options);

    private static DateTimeOffset? Earlier(DateTimeOffset? first, DateTimeOffset? second) => second is null || first < second ? first : second;
}
