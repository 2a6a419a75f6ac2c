using SagaRecovery.Fencing;

namespace SagaRecovery.Storage;

/// <summary>Where a saga stands.</summary>
public enum SagaState
{
    /// <summary>In progress: its actions run.</summary>
    Running,

    /// <summary>In progress: an action failed, and what was done is being undone.</summary>
    Unwinding,

    /// <summary>Ended: every action succeeded.</summary>
    Succeeded,

    /// <summary>Ended: an action failed, and everything was undone.</summary>
    Unwound,

    /// <summary>Ended: an action failed and so did an undo; an operator has to look.</summary>
    Stuck,

    /// <summary>Set aside: proven corrupt, or given up by an operator.</summary>
    Abandoned,
}

/// <summary>What can happen to a node. The order is the one in which it happens.</summary>
public enum NodeEventType
{
    /// <summary>Its action is about to run.</summary>
    Started,

    /// <summary>Its action succeeded; the data is its output.</summary>
    Succeeded,

    /// <summary>Its action failed; the data is the error.</summary>
    Failed,

    /// <summary>Its undo is about to run.</summary>
    UndoStarted,

    /// <summary>Its undo succeeded.</summary>
    UndoFinished,

    /// <summary>Its undo failed; the data is the error.</summary>
    UndoFailed,
}

/// <summary>One event of a saga's log.</summary>
/// <param name="NodeId">Which node of the definition's DAG.</param>
/// <param name="Type">What happened to it.</param>
/// <param name="Data">JSON in UTF-8; empty: none.</param>
public readonly record struct SavedNodeEvent(int NodeId, NodeEventType Type, ReadOnlyMemory<byte> Data);

/// <summary>A saga as its log holds it.</summary>
public sealed record SavedSaga
{
    /// <summary>Which saga.</summary>
    public required SagaId Id { get; init; }

    /// <summary>The name of its definition.</summary>
    public required string Name { get; init; }

    /// <summary><see cref="SagaState.Running"/> or <see cref="SagaState.Unwinding"/>.</summary>
    public required SagaState State { get; init; }

    /// <summary>Its adopt generation when it was loaded.</summary>
    public required AdoptGeneration Generation { get; init; }

    /// <summary>The definition that it was started with.</summary>
    public required SavedDefinition Definition { get; init; }

    /// <summary>Its parameters: JSON in UTF-8.</summary>
    public required ReadOnlyMemory<byte> Parameters { get; init; }

    /// <summary>Its log, in no particular order.</summary>
    public required IReadOnlyList<SavedNodeEvent> Events { get; init; }
}

/// <summary>A definition as the database holds it: once for each distinct shape, shared by all sagas started with it.</summary>
/// <param name="Hash">SHA-256 of <paramref name="Dag"/>.</param>
/// <param name="Name">The definition's name.</param>
/// <param name="Version">The definition's version.</param>
/// <param name="Dag">Its nodes and edges: JSON in UTF-8, byte for byte as it was hashed.</param>
public sealed record SavedDefinition(DefinitionHash Hash, string Name, int Version, ReadOnlyMemory<byte> Dag);
