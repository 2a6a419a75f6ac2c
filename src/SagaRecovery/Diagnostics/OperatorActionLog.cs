using Microsoft.Extensions.Logging;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Diagnostics;

/// <summary>Logs every operator action that concerns this coordinator once. Thread-safe.</summary>
/// <remarks>The source is the record in the store, which also contains the actions that were requested through other processes.</remarks>
internal sealed class OperatorActionLog(TimeProvider time, ILogger<OperatorActionLog> logger)
{
    private readonly Lock _lock = new();
    private readonly DateTimeOffset _since = time.GetUtcNow(); // actions before the start of this process are not logged again
    private HashSet<(long Number, DateTimeOffset Time)> _logged = []; // a database that lost commits assigns a number twice

    public void Report(IReadOnlyList<OperatorAction> recent)
    {
        lock (_lock)
        {
            foreach (OperatorAction action in recent.Where(action => action.Time >= _since && !_logged.Contains((action.Number, action.Time))))
            {
                Report(action);
            }

            _logged = [.. recent.Select(action => (action.Number, action.Time))];
        }
    }

    /// <summary>Logs an acknowledgement. The store keeps the last one of each problem.</summary>
    public void ReportAcknowledged(string problem, OperatorNote note) =>
        Log.ProblemAcknowledged(logger, PlainText.OneLine(problem), PlainText.OneLine(note.Actor), PlainText.OneLine(note.Reason));

    /// <summary>Logs that an action has taken effect and the status does not show it yet.</summary>
    public void ReportUnpublished(Exception exception) => Log.ActionUnpublished(logger, exception);

    private void Report(OperatorAction action)
    {
        (string actor, string reason) = (PlainText.OneLine(action.Note.Actor), PlainText.OneLine(action.Note.Reason));
        if (action.SagaId is { } sagaId)
        {
            Log.SagaActionPerformed(logger, SagaNames.Of(action.Kind), sagaId, actor, reason);
        }
        else if (action.Kind is OperatorActionKind.Reassign or OperatorActionKind.TakeOver or OperatorActionKind.Drain
            or OperatorActionKind.Purge or OperatorActionKind.Forget)
        {
            Log.CoordinatorActionPerformed(logger, SagaNames.Of(action.Kind), OperatorActionText.On(action), actor, reason);
        }
        else
        {
            Log.RecoveryActionPerformed(logger, SagaNames.Of(action.Kind), actor, reason);
        }
    }
}
