namespace SagaRecovery.Fencing;

/// <summary>The exception that is thrown when the store has lost the join of this process and has no later one.</summary>
/// <remarks>
/// The database was failed over, restored from a backup, or restarted. Nothing was written. Call
/// <see cref="Coordinators.SagaCoordinator.RejoinAsync"/> to join again.
/// </remarks>
public sealed class JoinLostException : Exception
{
    /// <summary>Initializes the exception.</summary>
    /// <param name="member">The membership that is no longer valid.</param>
    public JoinLostException(Membership member)
        : base($"The join of coordinator {member} is no longer valid: the database was failed over, restored or restarted since. "
            + "Nothing was written. The process joins again automatically.") =>
        Member = member;

    /// <summary>The membership that is no longer valid.</summary>
    public Membership Member { get; }
}
