using Microsoft.Extensions.Logging;
using SagaRecovery.Activation;
using SagaRecovery.Diagnostics;
using SagaRecovery.Status;
using SagaRecovery.Timing;

namespace SagaRecovery.Hosting;

/// <summary>
/// Publishes the state of the heartbeats. Warns once, and requests a pass, when none has been written for two periods, and warns once when the
/// listener connection is missing. A timer notices what no answer reports: a heartbeat that hangs, or that waits for a join. Thread-safe.
/// </summary>
internal sealed class HeartbeatWatch : IDisposable
{
    /// <summary>The number of periods without a heartbeat after which heartbeats are late. Others count the process as silent after 15 seconds.</summary>
    private const int LatePeriods = 2;

    private readonly Lock _lock = new();
    private readonly SagaRecoveryStatus _status;
    private readonly RecoveryWakeups _wakeups;
    private readonly SteadyTimeProvider _time;
    private readonly ILogger _logger;
    private readonly TimeSpan _limit;
    private readonly ITimer _timer;
    private HeartbeatReport _report = new();
    private DateTimeOffset _waitingSince; // for the first heartbeat
    private bool _waits; // the timer is set

    public HeartbeatWatch(SagaRecoveryStatus status, RecoveryWakeups wakeups, TimeSpan period, SteadyTimeProvider time, ILogger logger)
    {
        _status = status;
        _wakeups = wakeups;
        _time = time;
        _logger = logger;
        _limit = LatePeriods * period;
        _timer = time.CreateTimer(static watch => ((HeartbeatWatch)watch!).OnLate(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Records that heartbeats are attempted from now on.</summary>
    public void Begin()
    {
        lock (_lock)
        {
            WaitForNext();
        }
    }

    /// <summary>Records that the store can be reached. Some stores do not report their heartbeats, and then none of them is late.</summary>
    public void Connected()
    {
        lock (_lock)
        {
            if (_report.LastWritten is null)
            {
                StopWaiting();
                Succeed(_report with { Error = null });
            }
        }
    }

    /// <summary>Records a heartbeat that the store has answered.</summary>
    /// <param name="listenerError">The reason for which the listener connection is not open; null if it is.</param>
    public void Written(string? listenerError)
    {
        lock (_lock)
        {
            string? before = _report.ListenerError;
            StopWaiting();
            WaitForNext();
            Succeed(_report with { LastWritten = _time.Now, Error = null, ListenerError = listenerError });
            if (before is null && listenerError is not null)
            {
                Log.ListenerMissing(_logger, listenerError);
            }
            else if (before is not null && listenerError is null)
            {
                Log.ListenerOpen(_logger);
            }
        }
    }

    /// <summary>Records that an attempt has failed.</summary>
    public void Failed(string error)
    {
        lock (_lock)
        {
            WaitForNext();
            Publish(_report with { Error = error });
        }
    }

    public void Dispose() => _timer.Dispose();

    private void OnLate()
    {
        lock (_lock)
        {
            DateTimeOffset since = _report.LastWritten ?? _waitingSince;
            if (!_waits || _report.LateSince is not null || _time.Now - since < _limit / 2)
            {
                return; // a heartbeat came at the same moment; half of the limit, since a timer may fire a moment early
            }

            Publish(_report with { LateSince = since });
            Log.HeartbeatLate(_logger, PlainText.Duration(_time.Now - since), _report.Error ?? "the store has not answered");
            if (!_wakeups.LastPassFailed)
            {
                _wakeups.Request(PassReason.LateHeartbeat); // otherwise an idle process would stay ready for a whole outage
            }
        }
    }

    private void WaitForNext()
    {
        if (!_waits)
        {
            _waits = true;
            _waitingSince = _time.Now;
            _timer.Change(_limit, Timeout.InfiniteTimeSpan);
        }
    }

    private void StopWaiting()
    {
        _waits = false;
        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private void Succeed(HeartbeatReport report)
    {
        if (_report.LateSince is { } since)
        {
            Log.HeartbeatInTime(_logger, PlainText.Duration(_time.Now - since));
        }

        Publish(report with { LateSince = null });
    }

    private void Publish(HeartbeatReport report)
    {
        _report = report;
        _status.Update(report);
    }
}
