using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;

namespace SagaRecovery.Status;

/// <summary>What recovery did and knows: inject it wherever an operator looks. Thread-safe; each report is an immutable snapshot.</summary>
public sealed class SagaRecoveryStatus
{
    private readonly Lock _lock = new();
    private readonly SagaCoordinator _coordinator;
    private readonly TimeProvider _time;
    private volatile RecoveryReport _report;

    /// <summary>The status of a process that has not run a pass.</summary>
    public SagaRecoveryStatus(SagaCoordinator coordinator, IOptions<SagaRecoveryOptions> options, TimeProvider time)
    {
        _coordinator = coordinator;
        _time = time;
        _report = new RecoveryReport { Coordinator = coordinator.Status, Period = options.Value.Period };
    }

    /// <summary>The report as of now.</summary>
    public RecoveryReport Current => _report with { Coordinator = _coordinator.Status };

    /// <summary>The report as of now, as text for a terminal.</summary>
    public string RenderText() => RecoveryReportText.Render(Current, _time.GetUtcNow());

    internal void PassBegan(PassStart start) => Update(report => report with { CurrentPass = start });

    internal void PassEnded(PassReport pass, SagaTracker tracker, RecoveryControls asked)
    {
        IReadOnlyList<WaitingSaga> waiting = tracker.Waiting;
        Update(report => With(report.After(pass), asked) with
        {
            Tracked = tracker.Tracked,
            IdleSince = tracker.IdleSince,
            Waiting = [.. waiting.OrderBy(saga => saga.NextTry).ThenBy(saga => saga.SagaId).Take(RecoveryReport.WaitingShown)],
            WaitingCount = waiting.Count,
        });
    }

    /// <summary>What a dry run drained is counted, and nothing else of it.</summary>
    internal void DryRunEnded(PassReport pass) => Update(report => report with { Totals = report.Totals.PlusStarts(pass) });

    internal void SetPrevious(PreviousProcess previous) => Update(report => report with { Previous = previous });

    internal void Update(StalledSagas stalled) => Update(report => report with { Stalled = stalled });

    internal void Update(ClusterReport cluster) => Update(report => report with { Cluster = cluster });

    internal void Drains(DrainReport drain) => Update(report => report with { Drain = drain });

    internal void Asked(RecoveryControls asked) => Update(report => With(report, asked));

    private static RecoveryReport With(RecoveryReport report, RecoveryControls asked) => report with
    {
        Paused = asked.Paused,
        Held = [.. asked.Held.Take(RecoveryReport.WaitingShown)],
        HeldCount = asked.Held.Count,
        RecentActions = asked.RecentActions,
    };

    private void Update(Func<RecoveryReport, RecoveryReport> change)
    {
        lock (_lock)
        {
            _report = change(_report);
        }
    }
}
