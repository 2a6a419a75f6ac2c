using SagaRecovery.Bookkeeping;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>Reads states and event types as they stand in the database.</summary>
internal static class PostgresNames
{
    /// <exception cref="UnreadableRowException">A later version wrote it.</exception>
    public static SagaState ToInProgressState(string text) => text switch
    {
        "running" => SagaState.Running,
        "unwinding" => SagaState.Unwinding,
        _ => throw new UnreadableRowException($"saga state '{text}' is not known to this version"),
    };

    /// <exception cref="UnreadableRowException">A later version wrote it.</exception>
    public static SagaState ToState(string text) => SagaNames.TryParse(text, out SagaState state)
        ? state
        : throw new UnreadableRowException($"saga state '{text}' is not known to this version");

    public static CoordinatorState ToCoordinatorState(string text) => text switch
    {
        "gone" => CoordinatorState.Down,
        "draining" => CoordinatorState.Draining,
        _ => CoordinatorState.Active,
    };

    /// <exception cref="UnreadableRowException">A later version wrote it.</exception>
    public static NodeEventType ToEventType(string text) => text switch // read by the million: no search
    {
        "started" => NodeEventType.Started,
        "succeeded" => NodeEventType.Succeeded,
        "failed" => NodeEventType.Failed,
        "undo_started" => NodeEventType.UndoStarted,
        "undo_finished" => NodeEventType.UndoFinished,
        "undo_failed" => NodeEventType.UndoFailed,
        _ => throw new UnreadableRowException($"node event type '{text}' is not known to this version"),
    };
}

/// <summary>A row says something that this version cannot read; it concerns its own saga only.</summary>
internal sealed class UnreadableRowException(string message) : Exception(message);
