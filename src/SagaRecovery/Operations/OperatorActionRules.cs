using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The rules by which a destructive operator action is refused. Pure. The store enforces the same rules under its lock.</summary>
internal static class OperatorActionRules
{
    /// <summary>The obstacle to an action on a saga in progress, as a clause for operators.</summary>
    public const string Ended = "it has ended and is no longer recovered";

    private const string StateUnknown = "its state is not known to this version";

    /// <returns>The obstacle to a cancellation, as a clause for operators; null if it may be requested.</returns>
    public static string? ReasonNotToCancel(SagaDetails saga) => ReasonNotToCancel(saga.Summary, saga.Cancellation);

    /// <inheritdoc cref="ReasonNotToCancel(SagaDetails)" />
    public static string? ReasonNotToCancel(SagaSummary present, SagaCancellation? earlier) => present.State switch
    {
        SagaState.Unknown => StateUnknown,
        not (SagaState.Running or SagaState.Unwinding) => "it has ended",
        _ when earlier is { } cancellation => $"it was cancelled before ({cancellation.Note.Actor}: {cancellation.Note.Reason})",
        SagaState.Unwinding => "it is unwinding already",
        _ => null,
    };

    /// <returns>The refusal; null if the action may be tried.</returns>
    public static OperatorActionResult? Refusal(SagaDetails saga, OperatorActionCondition condition) => Refusal(saga.Summary, saga.Owner, condition);

    /// <inheritdoc cref="Refusal(SagaDetails, OperatorActionCondition)" />
    public static OperatorActionResult? Refusal(SagaSummary present, CoordinatorDetails? owner, OperatorActionCondition condition)
    {
        if (present.State is not (SagaState.Running or SagaState.Unwinding))
        {
            return new OperatorActionResult.Superseded(present, present.State is SagaState.Unknown ? StateUnknown : "it has ended");
        }

        return ChangeSince(present, condition)
            ?? (owner is { Answers: true } && !condition.EvenIfOwnerAnswers ? new OperatorActionResult.OwnerAnswers(owner) : null);
    }

    /// <returns>The refusal of an action on a saga that changed after the operator saw it; null if it did not.</returns>
    public static OperatorActionResult? ChangeSince(SagaSummary present, OperatorActionCondition condition)
    {
        if (condition.State is { } state && state != present.State)
        {
            return new OperatorActionResult.Superseded(present, $"it was {SagaNames.Of(state)} when you saw it");
        }

        return condition.Generation is { } generation && generation != present.Generation
            ? new OperatorActionResult.Superseded(present, $"it was at generation {generation} when you saw it")
            : null;
    }
}
