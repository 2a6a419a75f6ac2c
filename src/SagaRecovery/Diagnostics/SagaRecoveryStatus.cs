using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Status;

namespace SagaRecovery;

/// <summary>What recovery did and knows: inject it wherever an operator looks. Thread-safe; each report is an immutable snapshot.</summary>
public sealed class SagaRecoveryStatus
{
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

    internal void PassBegan(PassStart start) => _report = _report with { CurrentPass = start };

    internal void PassEnded(PassReport pass, SagaTracker tracker)
    {
        List<WaitingSaga> waiting = [.. tracker.Waiting];
        _report = _report.After(pass) with
        {
            Tracked = tracker.Tracked,
            Waiting = [.. waiting.OrderBy(saga => saga.NextTry).ThenBy(saga => saga.SagaId).Take(RecoveryReport.WaitingShown)],
            WaitingCount = waiting.Count,
        };
    }
}
