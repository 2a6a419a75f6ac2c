using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>States, events and levers in words: as they stand in the database, and as they are shown and typed.</summary>
public static class SagaNames
{
    /// <summary>The word for a state: <c>running</c>.</summary>
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

    /// <summary>The word for a node event: <c>undo_started</c>.</summary>
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

    /// <summary>The word for a lever: <c>inject-error</c>.</summary>
    public static string Of(OperatorActionKind kind) => OperatorActionText.Of(kind);

    /// <summary>Reads a state from its word.</summary>
    public static bool TryParse(string word, out SagaState state) => TryFind(word, Of, out state);

    internal static bool TryParse(string word, out OperatorActionKind kind) => TryFind(word, Of, out kind);

    private static bool TryFind<T>(string word, Func<T, string> wordOf, out T found)
        where T : struct, Enum
    {
        foreach (T value in Enum.GetValues<T>())
        {
            if (wordOf(value) == word)
            {
                found = value;
                return true;
            }
        }

        found = default;
        return false;
    }
}
