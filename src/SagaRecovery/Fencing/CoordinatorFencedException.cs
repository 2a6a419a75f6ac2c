namespace SagaRecovery.Fencing;

/// <summary>The exception that is thrown when a newer process has joined under the coordinator id of this one.</summary>
/// <remarks>The fenced process must not write, start or recover anything. It must be stopped; a new process may then join.</remarks>
public sealed class CoordinatorFencedException : Exception
{
    /// <summary>Initializes the exception.</summary>
    /// <param name="member">The membership of the fenced process.</param>
    /// <param name="by">The incarnation that replaced it.</param>
    public CoordinatorFencedException(Membership member, Incarnation by)
        : base($"This process is fenced: incarnation {by} of coordinator {member.Coordinator} has replaced it (incarnation {member.Incarnation}). "
            + "It accepts no new work and must be stopped.")
    {
        Member = member;
        By = by;
    }

    /// <summary>The membership of the fenced process.</summary>
    public Membership Member { get; }

    /// <summary>The incarnation that replaced it.</summary>
    public Incarnation By { get; }
}
