using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>The tracker's knowledge of one saga at one moment. Immutable.</summary>
public sealed record TrackedSagaInfo
{
    /// <summary>The run of the saga in this process; null if it is not running here.</summary>
    public TrackedRunInfo? Run { get; init; }

    /// <summary>The reason for which the saga is waiting to be recovered; null if no pass has found it waiting.</summary>
    public WaitingSaga? Waiting { get; init; }

    /// <summary>The wait of the saga for a slot of the executor; null if it does not wait for one, or is loaded.</summary>
    public SlotWait? Slot { get; init; }

    /// <summary>True if the saga was not yet past probation when a process died, and has not been cleared since.</summary>
    public bool IsSuspect { get; init; }
}

/// <summary>The wait of a saga for a slot of the executor. The saga is not loaded.</summary>
/// <param name="Definition">The name of its definition.</param>
/// <param name="Generation">The generation at which it was listed.</param>
/// <param name="Since">The time since which it has not been running, as far as this process knows.</param>
/// <param name="Waiting">The number of sagas of its definition that wait, including this one.</param>
public sealed record SlotWait(string Definition, AdoptGeneration Generation, DateTimeOffset Since, int Waiting);

/// <summary>The origin of a run in this process.</summary>
public enum RunOrigin
{
    /// <summary>This process is starting the saga. Its row may not exist yet.</summary>
    Announced,

    /// <summary>This process started the saga.</summary>
    Started,

    /// <summary>Recovery resumed the saga.</summary>
    Recovered,
}

/// <summary>A run of a saga that may be active in this process.</summary>
/// <param name="Origin">The origin of the run.</param>
/// <param name="Generation">The newest generation at which the saga runs here.</param>
/// <param name="RecoveredAt">The time at which the executor resumed it; null unless the origin is <see cref="RunOrigin.Recovered"/>.</param>
public readonly record struct TrackedRunInfo(RunOrigin Origin, AdoptGeneration Generation, DateTimeOffset? RecoveredAt);

/// <summary>The sagas of one definition that wait because it is unknown.</summary>
/// <param name="Name">The name of the definition, for display.</param>
/// <param name="Definition">The definition; null if the store does not report it. Then all sagas of the name are counted together.</param>
/// <param name="Sagas">The number of sagas, at least 1.</param>
/// <param name="Missing">The missing definition or version, for display.</param>
public readonly record struct UnknownDefinitionSagas(string Name, DefinitionKey? Definition, int Sagas, string Missing);
