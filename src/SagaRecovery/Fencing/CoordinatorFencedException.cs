namespace SagaRecovery.Fencing;

/// <summary>A newer process has joined under this coordinator id: the present one must not write, start or recover anything.</summary>
public sealed class CoordinatorFencedException : Exception
{
    /// <summary>Says who took over.</summary>
    /// <param name="member">The process that is fenced.</param>
    /// <param name="by">The incarnation that took over.</param>
    public CoordinatorFencedException(Membership member, Incarnation by)
        : base($"Another join of coordinator {member.Coordinator}, incarnation {by}, has taken the place of this process, incarnation {member.Incarnation}. "
            + "It takes no new work and has to be ended.")
    {
        Member = member;
        By = by;
    }

    /// <summary>The process that is fenced.</summary>
    public Membership Member { get; }

    /// <summary>The incarnation that took over.</summary>
    public Incarnation By { get; }
}
