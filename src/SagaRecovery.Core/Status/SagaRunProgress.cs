namespace SagaRecovery.Status;

/// <summary>The phase of a run in this process.</summary>
public enum RunPhase
{
    /// <summary>The run has a slot, and performs the steps of its saga.</summary>
    Running,

    /// <summary>The run waits for a slot.</summary>
    WaitingForSlot,

    /// <summary>The run waits until the previous run of the same saga in this process has ended.</summary>
    WaitingForPreviousRun,
}

/// <summary>The use of the slots of one limit at one moment.</summary>
/// <param name="Running">The number of sagas that run. It may exceed the limit: a saga that waited for another one continues above it.</param>
/// <param name="Limit">The number of sagas that may run at once.</param>
public readonly record struct SlotUse(int Running, int Limit)
{
    /// <summary>Returns the use as a clause: <c>4 of 4 in use</c>.</summary>
    public string Describe() => FormattableString.Invariant($"{Running} of {Limit} in use");

    /// <summary>Returns the use as a label: <c>4 of 4 run</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"{Running} of {Limit} run");
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

    /// <summary>The saga that has had a slot under that limit for the longest time; null in any other phase, or if it is not known.</summary>
    public SagaId? LongestRunning { get; init; }

    /// <summary>The use of the slots under that limit; null in any other phase, or if it is not known.</summary>
    public SlotUse? Slots { get; init; }

    /// <summary>Describes the run for an operator: its steps, or what it waits for.</summary>
    /// <param name="now">The current time, from which durations are computed.</param>
    /// <returns>A single line that is safe to print.</returns>
    public string Describe(DateTimeOffset now) => this switch
    {
        { Phase: RunPhase.WaitingForSlot } =>
            $"waiting for a slot{(Slots is { } use ? $": {use.Describe()}" : "")}{(Limit is { } limit ? $" ({PlainText.OneLine(limit)})" : "")}",
        { Phase: RunPhase.WaitingForPreviousRun } => "waiting for its previous run to end",
        { Steps.Count: 0 } => "running, between two steps",
        _ => string.Join("; ", Steps.Select(step => step.Describe(now))),
    };
}
