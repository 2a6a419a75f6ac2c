namespace SagaRecovery.Fencing;

/// <summary>
/// The store does not know the join of this process any more, and knows of no later one: its database was failed over, restored from a
/// backup, or started anew. Nothing was written. <see cref="Coordinators.SagaCoordinator.RejoinAsync"/> joins again.
/// </summary>
public sealed class JoinLostException : Exception
{
    /// <summary>Initializes the exception.</summary>
    /// <param name="member">The process whose join does not count any more.</param>
    public JoinLostException(Membership member)
        : base($"The join of coordinator {member} does not count any more: the database was failed over, restored or started anew since. Nothing "
            + "was written. The process joins again by itself.") =>
        Member = member;

    /// <summary>The process whose join does not count any more.</summary>
    public Membership Member { get; }
}
