using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The rules by which a destructive operator action is refused. Pure. The store enforces the same rules under its lock.</summary>
internal static class OperatorActionRules
{
    /// <returns>The obstacle to a cancellation, as a clause for operators; null if it may be requested.</returns>
    public static string? ReasonNotToCancel(SagaDetails saga) => saga switch
    {
        { Summary.State: not (SagaState.Running or SagaState.Unwinding) } => "it has ended",
        { Cancellation: { } cancellation } => $"it was cancelled before ({cancellation.Note.Actor}: {cancellation.Note.Reason})",
        { Summary.State: SagaState.Unwinding } => "it is unwinding already",
        _ => null,
    };

    /// <returns>The refusal; null if the action may be tried.</returns>
    public static OperatorActionResult? Refusal(SagaDetails saga, OperatorActionCondition condition)
    {
        SagaSummary present = saga.Summary;
        if (present.State is not (SagaState.Running or SagaState.Unwinding))
        {
            return new OperatorActionResult.Superseded(present, "it has ended");
        }

        return ChangeSince(present, condition)
            ?? (saga.Owner is { Answers: true } owner && !condition.EvenIfOwnerAnswers ? new OperatorActionResult.OwnerAnswers(owner) : null);
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
