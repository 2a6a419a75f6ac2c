using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>A saga as the store has it, whichever process runs it. Immutable.</summary>
public sealed class SagaInfo
{
    internal SagaInfo(SavedSaga saga, SagaResult? result)
    {
        Id = saga.Id;
        Name = saga.Name;
        Version = saga.Definition.Version;
        State = saga.State;
        Result = result;
    }

    /// <summary>The id of the saga.</summary>
    public SagaId Id { get; }

    /// <summary>The name of its definition.</summary>
    public string Name { get; }

    /// <summary>The version of its definition.</summary>
    public int Version { get; }

    /// <summary>The state of the saga.</summary>
    public SagaState State { get; }

    /// <summary>The result of the saga.</summary>
    /// <value>Null while the saga is in progress. Never <see cref="SagaResult.Interrupted"/>.</value>
    public SagaResult? Result { get; }
}

/// <summary>The exception for a start with the id or key of an existing saga that differs from the requested one. Nothing was started.</summary>
public sealed class SagaConflictException : InvalidOperationException
{
    internal SagaConflictException(SagaId sagaId, string difference)
        : base($"Saga {sagaId} was not started: a saga with this id exists, and {difference}.")
    {
        SagaId = sagaId;
        Difference = difference;
    }

    /// <summary>The id of the existing saga.</summary>
    public SagaId SagaId { get; }

    /// <summary>The difference, as a clause: <c>its parameters differ in $.amount</c>. It contains no values of the parameters.</summary>
    public string Difference { get; }
}
