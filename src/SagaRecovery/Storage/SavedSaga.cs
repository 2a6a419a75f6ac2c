using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The state of a saga.</summary>
public enum SagaState
{
    /// <summary>In progress: its actions run.</summary>
    Running,

    /// <summary>In progress: an action failed, and the completed actions are being undone.</summary>
    Unwinding,

    /// <summary>Finished: every action succeeded.</summary>
    Succeeded,

    /// <summary>Finished: an action failed, and every completed action was undone.</summary>
    Unwound,

    /// <summary>Finished: an action failed, and so did an undo. An operator retries or skips the undo.</summary>
    Stuck,

    /// <summary>Abandoned: recovery found it corrupt, or an operator abandoned it.</summary>
    Abandoned,

    /// <summary>Unreadable: the store has a state that this version does not know. Only lists and details for operators show it; no store accepts it.</summary>
    Unknown,
}

/// <summary>The type of an event of a node, in the order in which events occur.</summary>
public enum NodeEventType
{
    /// <summary>The action is about to run.</summary>
    Started,

    /// <summary>The action succeeded. The data is its output.</summary>
    Succeeded,

    /// <summary>The action failed. The data is the error.</summary>
    Failed,

    /// <summary>The undo is about to run.</summary>
    UndoStarted,

    /// <summary>The undo succeeded.</summary>
    UndoFinished,

    /// <summary>The undo failed. The data is the error.</summary>
    UndoFailed,
}

/// <summary>One event in the log of a saga.</summary>
/// <param name="NodeId">The node of the definition's DAG.</param>
/// <param name="Type">The type of the event.</param>
/// <param name="Data">The data as JSON in UTF-8; empty if the event has none.</param>
public readonly record struct SavedNodeEvent(int NodeId, NodeEventType Type, ReadOnlyMemory<byte> Data);

/// <summary>A saga with its log, as the store contains it.</summary>
public sealed record SavedSaga
{
    /// <summary>The id of the saga.</summary>
    public required SagaId Id { get; init; }

    /// <summary>The name of its definition.</summary>
    public required string Name { get; init; }

    /// <summary>The state of the saga.</summary>
    /// <value><see cref="SagaState.Running"/> or <see cref="SagaState.Unwinding"/> when loaded by recovery; any state when read by <see cref="ISagaReader"/>.</value>
    public required SagaState State { get; init; }

    /// <summary>The adopt generation of the saga when it was loaded.</summary>
    public required AdoptGeneration Generation { get; init; }

    /// <summary>The definition with which the saga was started.</summary>
    public required SavedDefinition Definition { get; init; }

    /// <summary>The parameters as JSON in UTF-8.</summary>
    public required ReadOnlyMemory<byte> Parameters { get; init; }

    /// <summary>The log, in no particular order.</summary>
    public required IReadOnlyList<SavedNodeEvent> Events { get; init; }

    /// <summary>The cancellation of the saga, by a request or its deadline; null for none. A saga with one must unwind: the store refuses its success.</summary>
    public SagaCancellation? Cancellation { get; init; }

    /// <summary>The time at which the saga is cancelled unless it has finished; null for none.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>The reason for which the saga was abandoned; null if it was not.</summary>
    public Abandonment? Abandonment { get; init; }
}

/// <summary>A definition as the store contains it, shared by all sagas that were started with it.</summary>
/// <param name="Hash">The SHA-256 of <paramref name="Dag"/>.</param>
/// <param name="Name">The name of the definition.</param>
/// <param name="Version">The version of the definition.</param>
/// <param name="Dag">The nodes and edges as JSON in UTF-8, byte for byte as they were hashed.</param>
public sealed record SavedDefinition(DefinitionHash Hash, string Name, int Version, ReadOnlyMemory<byte> Dag);
