using SagaRecovery.Storage;

namespace SagaRecovery.Retention;

/// <summary>A position in the walks of a purge. Everything before it was visited.</summary>
/// <param name="State">The state of the walk.</param>
/// <param name="Definition">The definition of a walk over one definition; null for a walk over a whole state.</param>
/// <param name="After">The last visited saga of the walk; null for the beginning of the walk.</param>
internal sealed record PurgePosition(SagaState State, DefinitionHash? Definition, RetentionCursor? After)
{
    public static PurgePosition Of(RetentionWalk walk, RetentionCursor? after) =>
        new(walk.State, RetentionPolicy.IsByDefinition(walk.State) ? walk.Rules[0].Definition : null, after);

    /// <summary>Compares this position with the beginning of a walk, in the order of <see cref="RetentionPolicy.Plan(IReadOnlyCollection{StoredDefinition}, Func{string, SagaState, TimeSpan?})"/>.</summary>
    /// <returns>Positive if the walk is over at this position, 0 if the position is in the walk, negative if the walk is yet to begin.</returns>
    public int CompareTo(RetentionWalk walk)
    {
        PurgePosition other = Of(walk, after: null);
        int byState = RetentionPolicy.OrderOf(State).CompareTo(RetentionPolicy.OrderOf(other.State));
        return byState != 0 ? byState : string.CompareOrdinal(Definition?.ToString(), other.Definition?.ToString());
    }
}

/// <summary>The end of a purge.</summary>
/// <param name="End">The way in which it ended.</param>
/// <param name="Next">The position at which to continue; null if the purge is complete.</param>
internal readonly record struct PurgeStop(PurgeEnd End, PurgePosition? Next);
