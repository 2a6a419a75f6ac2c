namespace SagaRecovery;

/// <summary>The handle of a saga that runs, or ran, in this process. Thread-safe.</summary>
public sealed class SagaHandle
{
    internal SagaHandle(SagaId sagaId, Task<SagaResult> completion)
    {
        SagaId = sagaId;
        Completion = completion;
    }

    /// <summary>The id of the saga.</summary>
    public SagaId SagaId { get; }

    /// <summary>
    /// The task that completes when this process no longer runs the saga. It never faults and is never cancelled.
    /// </summary>
    /// <remarks>
    /// The saga has ended, or another process or a later pass continues it (<see cref="SagaResult.Interrupted"/>).
    /// </remarks>
    public Task<SagaResult> Completion { get; }
}

/// <summary>The options of a single start.</summary>
public sealed record SagaStartOptions
{
    /// <summary>The id of the new saga. Set it if the saga must not be started twice.</summary>
    /// <value>The default is null: a new id is generated.</value>
    public SagaId? Id { get; init; }

    /// <summary>The failures and repeats to inject, for tests.</summary>
    /// <value>The default is null: none.</value>
    public SagaInjections? Inject { get; init; }
}
