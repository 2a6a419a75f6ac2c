using System.Diagnostics.CodeAnalysis;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <content>What an action shows in the status and the log at once, not at the next pass.</content>
public sealed partial class SagaOperator
{
    /// <summary>Publishes the action and the counts by owner.</summary>
    /// <remarks>Otherwise a warning about orphans that were just reassigned would remain until the next check.</remarks>
    private async Task PublishClusterAsync(CancellationToken cancellationToken)
    {
        await PublishControlsAsync(cancellationToken).ConfigureAwait(false);
        await PublishAsync(async () =>
        {
            IReadOnlyList<OwnedSagas> owned = await _cluster.CountUnfinishedAsync(cancellationToken).ConfigureAwait(false);
            _status.Update(ClusterDetails.Of(owned, _time.Now).ToReport());
        }).ConfigureAwait(false);
    }

    /// <summary>Publishes the action.</summary>
    private Task PublishControlsAsync(CancellationToken cancellationToken) => PublishAsync(async () =>
    {
        if (_coordinator.Member is { } member)
        {
            RecoveryControls controls = await _controls.ReadControlsAsync(member, cancellationToken).ConfigureAwait(false);
            _operatorActionLog.Report(controls.RecentActions);
            _status.Update(controls);
            _status.Update(await _cluster.CountUnresolvedAsync(cancellationToken).ConfigureAwait(false));
        }
    });

    /// <summary>Reads and publishes what an action has changed. A failure does not matter: a pass, or the next check, publishes it as well.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The action has taken effect, and its caller must learn so, although the database went away since or a newer process has joined.")]
    private async Task PublishAsync(Func<Task> publish)
    {
        try
        {
            await publish().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            _operatorActionLog.ReportUnpublished(exception);
        }
    }
}
