namespace SagaRecovery.Status;

/// <summary>The phase of a run in this process.</summary>
public enum RunPhase
{
    /// <summary>The run has a slot, and performs the steps of its saga.</summary>
    Running,

    /// <summary>The run waits for a free slot.</summary>
    WaitingForSlot,

    /// <summary>The run waits until the previous run of the same saga in this process has ended.</summary>
    WaitingForPreviousRun,
}

/// <summary>The progress of a run in this process at one moment. Immutable.</summary>
/// <param name="SagaId">The saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="Phase">The phase of the run.</param>
/// <param name="Steps">
/// The actions and undos that have begun and not ended, in the order in which they began. Empty while the run waits, and between two steps.
/// </param>
public sealed record SagaRunProgress(SagaId SagaId, string Name, RunPhase Phase, IReadOnlyList<StepInProgress> Steps)
{
    /// <summary>The setting that makes the run wait for a slot, with its value; null in any other phase, or if it is not known.</summary>
    public string? Limit { get; init; }
}
