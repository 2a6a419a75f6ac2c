using Microsoft.Extensions.Logging;
using SagaRecovery.Status;

namespace SagaRecovery.Diagnostics;

/// <summary>
/// Tells the log of every lever that concerns this coordinator, once, whoever pulled it and from which process: what the store has
/// written down is the one source. Thread-safe.
/// </summary>
internal sealed class LeverLog(TimeProvider time, ILogger<LeverLog> logger)
{
    private readonly Lock _lock = new();
    private readonly DateTimeOffset _since = time.GetUtcNow(); // what was done before this process began is not its news
    private HashSet<(long Number, DateTimeOffset Time)> _told = []; // a database that lost commits gives a number again

    public void Tell(IReadOnlyList<OperatorAction> recent)
    {
        lock (_lock)
        {
            foreach (OperatorAction action in recent.Where(action => action.Time >= _since && !_told.Contains((action.Number, action.Time))))
            {
                Tell(action);
            }

            _told = [.. recent.Select(action => (action.Number, action.Time))];
        }
    }

    private void Tell(OperatorAction action)
    {
        (string actor, string reason) = (PlainText.OneLine(action.Note.Actor), PlainText.OneLine(action.Note.Reason));
        if (action.SagaId is { } sagaId)
        {
            Log.LeverPulled(logger, SagaWords.Of(action.Lever), sagaId, actor, reason);
        }
        else if (action.Lever is Lever.Reassign or Lever.TakeOver or Lever.Drain)
        {
            Log.CoordinatorLeverPulled(logger, SagaWords.Of(action.Lever), LeverWords.On(action), actor, reason);
        }
        else
        {
            Log.RecoveryLeverPulled(logger, SagaWords.Of(action.Lever), actor, reason);
        }
    }
}
