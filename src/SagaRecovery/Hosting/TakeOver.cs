using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Hosting;

/// <summary>
/// Reassigns the unfinished sagas of dead coordinators to live ones. <see cref="HeartbeatMonitor"/> decides which coordinators are dead,
/// and the store decides which process takes over. See docs/decisions/0006-many-nodes.md.
/// </summary>
internal sealed class TakeOver
{
    private readonly ISagaCluster _cluster;
    private readonly RecoveryMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<TakeOver> _logger;
    private readonly TimeSpan _after;
    private readonly HeartbeatMonitor? _monitor;
    private readonly long _startedAt;

    public TakeOver(
        ISagaCluster cluster,
        SagaCoordinator coordinator,
        RecoveryMetrics metrics,
        IOptions<SagaRecoveryOptions> options,
        TimeProvider time,
        ILogger<TakeOver> logger)
    {
        _cluster = cluster;
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _startedAt = time.GetTimestamp();
        if (options.Value.TakeOverAfter is { } after)
        {
            _after = after;
            _monitor = new HeartbeatMonitor(coordinator.Id, after, longestGap: 3 * options.Value.HeartbeatPeriod);
        }
    }

    public bool IsOn => _monitor is not null;

    public async Task CheckAsync(Membership member, CancellationToken cancellationToken)
    {
        ClusterView view = await _cluster.ReadViewAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<CoordinatorObservation> dead = _monitor!.Observe(view.Coordinators, view.Time, _time.GetElapsedTime(_startedAt));
        foreach (CoordinatorObservation silent in dead.Where(observation => view.Owners.Contains(observation.Id)))
        {
            await TakeOverFromAsync(silent, member, view, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task TakeOverFromAsync(CoordinatorObservation silent, Membership member, ClusterView view, CancellationToken cancellationToken)
    {
        CoordinatorId[] takers = view.TakersBesides(silent.Id);
        string lastSeen = PlainText.Time(silent.LastSeen);
        switch (await _cluster.TakeOverAsync(member, silent, takers, retryAfter: _after, cancellationToken).ConfigureAwait(false))
        {
            case ReassignOutcome.Done done:
                _metrics.RecordTakeOver(done.Moved);
                string received = string.Join(", ", done.Receipts.Select(receipt => $"{receipt.To} ({receipt.Count})"));
                Log.TookOver(_logger, silent.Id, lastSeen, done.Moved, received, done.Left, PausedTakers.Describe(done.Paused));
                break;
            case ReassignOutcome.NoTaker none:
                Log.NoTakerForTakeOver(_logger, silent.Id, lastSeen, PausedTakers.Describe(none.Paused));
                break;
        }
    }
}
