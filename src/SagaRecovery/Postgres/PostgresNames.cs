using SagaRecovery.Bookkeeping;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>Parses the states and event types that the database stores.</summary>
internal static class PostgresNames
{
    /// <exception cref="UnreadableRowException">The name is unknown; a later version wrote it.</exception>
    public static SagaState ToInProgressState(string text) => text switch
    {
        "running" => SagaState.Running,
        "unwinding" => SagaState.Unwinding,
        _ => throw new UnreadableRowException($"saga state '{text}' is not known to this version"),
    };

    /// <exception cref="UnreadableRowException">The name is unknown; a later version wrote it.</exception>
    public static SagaState ToState(string text) => SagaNames.TryParse(text, out SagaState state)
        ? state
        : throw new UnreadableRowException($"saga state '{text}' is not known to this version");

    public static CoordinatorState ToCoordinatorState(string text) => text switch
    {
        "down" => CoordinatorState.Down,
        "draining" => CoordinatorState.Draining,
        _ => CoordinatorState.Active,
    };

    /// <exception cref="UnreadableRowException">The name is unknown; a later version wrote it.</exception>
    public static NodeEventType ToEventType(string text) => TryParse(text, out NodeEventType type)
        ? type
        : throw new UnreadableRowException($"node event type '{text}' is not known to this version");

    public static bool TryParse(string text, out NodeEventType type)
    {
        NodeEventType? known = text switch // a switch, since pages hold millions of events
        {
            "started" => NodeEventType.Started,
            "succeeded" => NodeEventType.Succeeded,
            "failed" => NodeEventType.Failed,
            "undo_started" => NodeEventType.UndoStarted,
            "undo_finished" => NodeEventType.UndoFinished,
            "undo_failed" => NodeEventType.UndoFailed,
            _ => null,
        };
        type = known ?? default;
        return known is not null;
    }
}

/// <summary>The exception for a row that this version cannot read. It concerns one saga only.</summary>
internal sealed class UnreadableRowException(string message) : Exception(message);
