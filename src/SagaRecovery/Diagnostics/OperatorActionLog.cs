using Microsoft.Extensions.Logging;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Diagnostics;

/// <summary>
/// Tells the log of every lever that concerns this coordinator, once, whoever pulled it and from which process: what the store has
/// written down is the one source. Thread-safe.
/// </summary>
internal sealed class OperatorActionLog(TimeProvider time, ILogger<OperatorActionLog> logger)
{
    private readonly Lock _lock = new();
    private readonly DateTimeOffset _since = time.GetUtcNow(); // what was done before this process began is not its news
    private HashSet<(long Number, DateTimeOffset Time)> _told = []; // a database that lost commits gives a number again

    public void Report(IReadOnlyList<OperatorAction> recent)
    {
        lock (_lock)
        {
            foreach (OperatorAction action in recent.Where(action => action.Time >= _since && !_told.Contains((action.Number, action.Time))))
            {
                Report(action);
            }

            _told = [.. recent.Select(action => (action.Number, action.Time))];
        }
    }

    private void Report(OperatorAction action)
    {
        (string actor, string reason) = (PlainText.OneLine(action.Note.Actor), PlainText.OneLine(action.Note.Reason));
        if (action.SagaId is { } sagaId)
        {
            Log.SagaActionPerformed(logger, SagaNames.Of(action.Kind), sagaId, actor, reason);
        }
        else if (action.Kind is OperatorActionKind.Reassign or OperatorActionKind.TakeOver or OperatorActionKind.Drain)
        {
            Log.CoordinatorActionPerformed(logger, SagaNames.Of(action.Kind), OperatorActionText.On(action), actor, reason);
        }
        else
        {
            Log.RecoveryActionPerformed(logger, SagaNames.Of(action.Kind), actor, reason);
        }
    }
}
