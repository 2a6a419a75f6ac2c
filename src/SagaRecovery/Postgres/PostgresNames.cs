namespace SagaRecovery.Postgres;

/// <summary>States and event types as they stand in the database.</summary>
internal static class PostgresNames
{
    public static string Of(SagaState state) => state switch
    {
        SagaState.Running => "running",
        SagaState.Unwinding => "unwinding",
        SagaState.Succeeded => "succeeded",
        SagaState.Unwound => "unwound",
        SagaState.Stuck => "stuck",
        SagaState.Abandoned => "abandoned",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, message: null),
    };

    public static string Of(NodeEventType type) => type switch
    {
        NodeEventType.Started => "started",
        NodeEventType.Succeeded => "succeeded",
        NodeEventType.Failed => "failed",
        NodeEventType.UndoStarted => "undo_started",
        NodeEventType.UndoFinished => "undo_finished",
        NodeEventType.UndoFailed => "undo_failed",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, message: null),
    };

    /// <exception cref="UnreadableRowException">A later version wrote it.</exception>
    public static SagaState ToInProgressState(string text) => text switch
    {
        "running" => SagaState.Running,
        "unwinding" => SagaState.Unwinding,
        _ => throw new UnreadableRowException($"saga state '{text}' is not known to this version"),
    };

    /// <exception cref="UnreadableRowException">A later version wrote it.</exception>
    public static NodeEventType ToEventType(string text) => text switch
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
