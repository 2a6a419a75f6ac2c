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

    /// <summary>The time at which the saga is cancelled unless it has finished.</summary>
    /// <value>The default is null: no deadline.</value>
    /// <remarks>
    /// It is stored with the saga, so it holds after a crash and on another process. Its result is then <see cref="SagaResult.Cancelled"/> by
    /// <c>deadline</c>. A deadline in the past cancels the saga before its first step. Measured by the clock of the process that runs the saga.
    /// </remarks>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>The failures and repeats to inject, for tests.</summary>
    /// <value>The default is null: none.</value>
    public SagaInjections? Inject { get; init; }
}
