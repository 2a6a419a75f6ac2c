using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The evidence for a verdict on one saga.</summary>
/// <remarks>The row must be read before the tracker. Otherwise a saga that starts in between would look like an orphan.</remarks>
/// <param name="SagaId">The saga.</param>
/// <param name="Row">The row in the store; null if there is none.</param>
/// <param name="Known">The state of the saga in this process.</param>
/// <param name="Us">The status of the coordinator of this process.</param>
/// <param name="Paused">The pause of its recovery; null if it is not paused.</param>
internal sealed record SagaEvidence(SagaId SagaId, SagaDetails? Row, TrackedSagaInfo Known, CoordinatorStatus Us, RecoveryPause? Paused)
{
    /// <summary>The run of the saga in the executor of this process; null if there is none, or it is not reported.</summary>
    public SagaRunProgress? Run { get; init; }

    /// <summary>The limit for which the saga waits if the tracker has it wait for a slot; null if it does not wait, or the limit is not described.</summary>
    public SlotLimit? SlotLimit { get; init; }

    /// <summary>The current time.</summary>
    public DateTimeOffset Now { get; init; }

    /// <summary>The redactor of errors; null to leave them as they are.</summary>
    public ISagaRedactor? Redactor { get; init; }

    /// <summary>Returns an error as the caller may see it.</summary>
    public string Show(string error, string? node = null) =>
        Redactor is null ? error : Redactor.Redact(new SagaPayload(Row?.Summary.Name ?? "", node, SagaPayloadKind.Error, error));

    /// <summary>Returns the cause of the unwinding with its error as the caller may see it; null if the saga does not unwind.</summary>
    public SagaUnwinding? ShownUnwinding =>
        Row is not null && SagaUnwinding.Of(Row) is { } unwinding
            ? unwinding with { Error = unwinding.Error is { } error ? Show(error, unwinding.Node) : null }
            : null;

    /// <summary>Returns the run with its errors as the caller may see them.</summary>
    public SagaRunProgress? ShownRun => Redactor is null || Run is null ? Run : Run with
    {
        Steps = [.. Run.Steps.Select(step => step.LastError is { } error ? step with { LastError = Show(error, step.Node) } : step)],
    };
}
