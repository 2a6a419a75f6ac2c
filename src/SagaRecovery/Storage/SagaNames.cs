using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The words for states, events and operator actions, as the database stores them and as operators read and type them.</summary>
public static class SagaNames
{
    /// <summary>The word for the states of a saga in progress, in filters: running or unwinding.</summary>
    public const string Unfinished = "unfinished";

    /// <summary>The states that a store may have, which excludes <see cref="SagaState.Unknown"/>.</summary>
    public static IReadOnlyList<SagaState> States { get; } = [.. Enum.GetValues<SagaState>().Where(state => state is not SagaState.Unknown)];

    /// <summary>Returns the word for a state, such as <c>running</c>.</summary>
    public static string Of(SagaState state) => state switch
    {
        SagaState.Running => "running",
        SagaState.Unwinding => "unwinding",
        SagaState.Succeeded => "succeeded",
        SagaState.Unwound => "unwound",
        SagaState.Stuck => "stuck",
        SagaState.Abandoned => "abandoned",
        SagaState.Unknown => "unknown",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, message: null),
    };

    /// <summary>Returns the word for a node event, such as <c>undo_started</c>.</summary>
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

    /// <summary>Returns the word for an operator action, such as <c>inject-error</c>.</summary>
    public static string Of(OperatorActionKind kind) => OperatorActionText.Of(kind);

    /// <summary>Parses the word for a state.</summary>
    /// <param name="word">The word, in lowercase.</param>
    /// <param name="state">The state, if the word is known.</param>
    /// <returns>True if the word is known.</returns>
    public static bool TryParse(string word, out SagaState state) => TryFind(word, States, Of, out state);

    internal static bool TryParse(string word, out OperatorActionKind kind) => TryFind(word, Enum.GetValues<OperatorActionKind>(), Of, out kind);

    private static bool TryFind<T>(string word, IReadOnlyList<T> values, Func<T, string> wordOf, out T found)
        where T : struct, Enum
    {
        foreach (T value in values)
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
