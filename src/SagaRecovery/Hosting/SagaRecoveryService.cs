using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>
/// The loop: waits until a pass is asked for, runs it, answers whoever asked, sets the timer for the next. Nothing but shutdown ends
/// it, and start-up does not wait for it.
/// </summary>
internal sealed class SagaRecoveryService : BackgroundService
{
    private readonly CancellationTokenSource _abort = new();
    private readonly RecoveryPass _pass;
    private readonly CrashLoopGuard _guard;
    private readonly RecoveryWakeups _wakeups;
    private readonly SagaTracker _tracker;
    private readonly SagaRecoveryOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<SagaRecoveryService> _logger;
    private readonly CancellationTokenRegistration _closeStarts;
    private int _failedPasses;

    public SagaRecoveryService(
        RecoveryPass pass,
        CrashLoopGuard guard,
        RecoveryWakeups wakeups,
        SagaTracker tracker,
        SagaStarts starts,
        IHostApplicationLifetime lifetime,
        IOptions<SagaRecoveryOptions> options,
        TimeProvider time,
        ILogger<SagaRecoveryService> logger)
    {
        _pass = pass;
        _guard = guard;
        _logger = logger;
        _wakeups = wakeups;
        _tracker = tracker;
        _options = options.Value;
        _time = time;
        _closeStarts = lifetime.ApplicationStopping.Register(() => starts.Close("shutting down"));
    }

    /// <summary>Lets the hand-overs in hand end, for as long as the host allows.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration timeUp = cancellationToken.UnsafeRegister(static abort => _ = ((CancellationTokenSource)abort!).CancelAsync(), _abort);
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
        _wakeups.Close(); // the loop does so too, but one that is stopped before it began never runs
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
        using ITimer timer = _time.CreateTimer(_ => _wakeups.Request(due), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _wakeups.Request(PassReason.Startup); // not by the timer, which may be late: whoever has asked already is answered by the same pass
        try
        {
            while (true)
            {
                await _wakeups.WaitAsync(stoppingToken).ConfigureAwait(false);
                WakeupRequests requests = _wakeups.TakeRequests();
                await AnswerDryRunsAsync(requests, stopping.Token).ConfigureAwait(false);
                if (requests.Reason is { } reason)
                {
                    PassSchedule next = await AnswerAsync(requests, reason, stopping.Token).ConfigureAwait(false);
                    due = next.Reason;
                    timer.Change(next.Delay, Timeout.InfiniteTimeSpan);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // shutdown
        }
        finally
        {
            _wakeups.Close();
        }
    }

    private async Task AnswerDryRunsAsync(WakeupRequests requests, CancellationToken stopping)
    {
        if (requests.DryRuns.Count == 0)
        {
            return;
        }

        try
        {
            requests.Answer(await _pass.DryRunAsync(stopping).ConfigureAwait(false));
        }
        catch (Exception exception) // the store's: it is for whoever asked
        {
            requests.FailDryRuns(exception);
        }
    }

    private async Task<PassSchedule> AnswerAsync(WakeupRequests requests, PassReason reason, CancellationToken stopping)
    {
        try
        {
            PassReport report = await _pass.RunAsync(reason, stopping, _abort.Token).ConfigureAwait(false);
            requests.Answer(report);
            return Next(reason, failed: report.Result == PassResult.Failed);
        }
        catch (Exception exception) // a fault of ours, or of a logger: the loop must outlive it
        {
            requests.Fail(exception);
            Log.LoopError(_logger, exception);
            return Next(reason, failed: true);
        }
    }

    private PassSchedule Next(PassReason reason, bool failed)
    {
        // Whoever activates again and again while the database is away does not put the retry off.
        bool countsAsRetry = reason != PassReason.Explicit || _failedPasses == 0;
        _failedPasses = !failed ? 0 : countsAsRetry ? _failedPasses + 1 : _failedPasses;
        _wakeups.LastPassFailed = failed;
        DateTimeOffset? earliestDue = _tracker.Waiting.Min(saga => saga.NextTry);
        return PassSchedule.Next(_failedPasses, earliestDue, Earlier(_tracker.NextTurn, _guard.ProbationEnds), _time.GetUtcNow(), _options);
    }

    private static DateTimeOffset? Earlier(DateTimeOffset? one, DateTimeOffset? other) => other is null || one < other ? one : other;
}
