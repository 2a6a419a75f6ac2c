using System.Diagnostics;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>The saga of a run, and everything that the run needs.</summary>
/// <param name="Id">The id of the saga.</param>
/// <param name="Definition">The definition of the saga.</param>
/// <param name="Ownership">The right to write to the log of the saga.</param>
/// <param name="State">The state in the row of the saga.</param>
/// <param name="Progress">The progress according to the log.</param>
/// <param name="Code">The actions and undos.</param>
/// <param name="Pipelines">The policies of the actions and undos.</param>
/// <param name="Injections">Injected failures and repeats; null for none.</param>
/// <param name="StartedBy">The span of the request or the pass that started the run; null for none.</param>
/// <param name="Cancellation">The request to cancel the saga that the store knew; null for none.</param>
/// <param name="Deadline">The time at which the run cancels the saga; null for none.</param>
/// <param name="IsFirst">True for the first run of the saga: no step in its log was ever begun.</param>
internal sealed record RunContext(
    SagaId Id,
    SagaDefinition Definition,
    Ownership Ownership,
    SagaState State,
    SagaProgress Progress,
    SagaCode Code,
    StepPipelines Pipelines,
    SagaInjections? Injections,
    ActivityContext? StartedBy,
    SagaCancellation? Cancellation,
    DateTimeOffset? Deadline,
    bool IsFirst = false);
