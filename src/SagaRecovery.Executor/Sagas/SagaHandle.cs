namespace SagaRecovery;

/// <summary>A saga that this process runs, or ran. Thread-safe.</summary>
public sealed class SagaHandle
{
    internal SagaHandle(SagaId sagaId, Task<SagaResult> completion)
    {
        SagaId = sagaId;
        Completion = completion;
    }

    /// <summary>Which saga.</summary>
    public SagaId SagaId { get; }

    /// <summary>
    /// Completes when this process no longer runs the saga: it has ended, or it is carried on elsewhere or later
    /// (<see cref="SagaResult.Interrupted"/>). Never fails and is never cancelled.
    /// </summary>
    public Task<SagaResult> Completion { get; }
}

/// <summary>How a saga is started.</summary>
public sealed record SagaStartOptions
{
    /// <summary>The id of the new saga, for callers that must not start it twice; null: a new id.</summary>
    public SagaId? Id { get; init; }

    /// <summary>Failures and repeats to put in, for tests; null: none.</summary>
    public SagaInjections? Inject { get; init; }
}
