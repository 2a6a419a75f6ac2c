namespace SagaRecovery.Operations;

/// <summary>When a destructive lever is refused before it is tried. Pure; the store holds to the same under its lock.</summary>
internal static class LeverRules
{
    /// <returns>Null: it may be tried.</returns>
    public static LeverOutcome? Refusal(SagaDetails saga, LeverCondition condition)
    {
        SagaSummary present = saga.Summary;
        if (present.State is not (SagaState.Running or SagaState.Unwinding))
        {
            return new LeverOutcome.MovedOn(present, "it has ended");
        }

        if (condition.State is { } state && state != present.State)
        {
            return new LeverOutcome.MovedOn(present, $"it was {SagaWords.Of(state)} when it was looked at");
        }

        if (condition.Generation is { } generation && generation != present.Generation)
        {
            return new LeverOutcome.MovedOn(present, $"it was at generation {generation} when it was looked at");
        }

        return saga.Owner is { Answers: true } owner && !condition.EvenIfOwnerAnswers ? new LeverOutcome.OwnerAnswers(owner) : null;
    }
}
