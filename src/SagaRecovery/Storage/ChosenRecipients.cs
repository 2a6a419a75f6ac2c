namespace SagaRecovery.Storage;

/// <summary>The recipients of chosen sagas, in a reassignment.</summary>
/// <param name="To">
/// The coordinators; empty for all that are active and answer. One whose recovery is paused receives sagas only if it is the only one named.
/// </param>
public sealed record ChosenRecipients(IReadOnlyList<CoordinatorId> To)
{
    /// <summary>A value indicating whether to reassign sagas although their owners answer.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    /// <remarks>It is safe, because the owners are fenced. A saga that one of them runs is resumed elsewhere from its last logged step.</remarks>
    public bool EvenIfOwnersAnswer { get; init; }
}
