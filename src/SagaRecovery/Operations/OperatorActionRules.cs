using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>When a destructive lever is refused before it is tried. Pure; the store holds to the same under its lock.</summary>
internal static class OperatorActionRules
{
    /// <returns>Null: it may be tried.</returns>
    public static OperatorActionResult? Refusal(SagaDetails saga, OperatorActionCondition condition)
    {
        SagaSummary present = saga.Summary;
        if (present.State is not (SagaState.Running or SagaState.Unwinding))
        {
            return new OperatorActionResult.Superseded(present, "it has ended");
        }

        if (condition.State is { } state && state != present.State)
        {
            return new OperatorActionResult.Superseded(present, $"it was {SagaNames.Of(state)} when it was looked at");
        }

        if (condition.Generation is { } generation && generation != present.Generation)
        {
            return new OperatorActionResult.Superseded(present, $"it was at generation {generation} when it was looked at");
        }

        return saga.Owner is { Answers: true } owner && !condition.EvenIfOwnerAnswers ? new OperatorActionResult.OwnerAnswers(owner) : null;
    }
}
