using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>What a tracker knows of one saga at one moment.</summary>
public sealed record TrackedSagaInfo
{
    /// <summary>That it may be running in this process; null: it is not tracked.</summary>
    public TrackedRunInfo? Run { get; init; }

    /// <summary>Why it is not running here although it should be; null: no pass has found it so.</summary>
    public WaitingSaga? Waiting { get; init; }

    /// <summary>Whether it was in hand when the process before this one died, and has not been acquitted.</summary>
    public bool IsSuspect { get; init; }
}

/// <summary>How a saga came to run here.</summary>
public enum RunOrigin
{
    /// <summary>It is being started: its row may not be there yet.</summary>
    Announced,

    /// <summary>This process started it.</summary>
    Started,

    /// <summary>Recovery handed it over.</summary>
    Recovered,
}

/// <summary>A saga that may be running in this process.</summary>
/// <param name="Origin">How it came to.</param>
/// <param name="Generation">The newest generation at which it runs here.</param>
/// <param name="RecoveredAt">When the executor had taken it over; null unless <see cref="RunOrigin.Recovered"/>.</param>
public readonly record struct TrackedRunInfo(RunOrigin Origin, AdoptGeneration Generation, DateTimeOffset? RecoveredAt);
