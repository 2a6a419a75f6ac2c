using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Hosting;

/// <summary>
/// Gives the unfinished sagas of coordinators that are dead to those that answer. Who is dead is <see cref="HeartbeatMonitor"/>'s decision;
/// which of the watchers acts on it is the store's. See docs/decisions/0006-many-nodes.md.
/// </summary>
internal sealed class TakeOver
{
    private readonly ISagaCluster _cluster;
    private readonly RecoveryMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<TakeOver> _logger;
    private readonly TimeSpan _after;
    private readonly HeartbeatMonitor? _watch;
    private readonly long _began;

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
        _began = time.GetTimestamp();
        if (options.Value.TakeOverAfter is { } after)
        {
            _after = after;
            _watch = new HeartbeatMonitor(coordinator.Id, after, longestGap: 3 * options.Value.HeartbeatPeriod);
        }
    }

    public bool IsOn => _watch is not null;

    public async Task CheckAsync(Membership member, CancellationToken cancellationToken)
    {
        ClusterView view = await _cluster.ReadViewAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<CoordinatorObservation> dead = _watch!.Observe(view.Coordinators, view.Time, _time.GetElapsedTime(_began));
        foreach (CoordinatorObservation silent in dead.Where(one => view.Owners.Contains(one.Id)))
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
                _metrics.TookOver(done.Moved);
                string got = string.Join(", ", done.Receipts.Select(receipt => $"{receipt.To} ({receipt.Count})"));
                Log.TookOver(_logger, silent.Id, lastSeen, done.Moved, got, done.Left);
                break;
            case ReassignOutcome.NoTaker:
                Log.NoTakerForTakeOver(_logger, silent.Id, lastSeen);
                break;
        }
    }
}
