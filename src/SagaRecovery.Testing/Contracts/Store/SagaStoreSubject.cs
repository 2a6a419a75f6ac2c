using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// A store and its log, to be held to <see cref="SagaStoreContract"/>: a fresh one for each rule, though the database beneath may be
/// shared, since every rule makes coordinators and sagas of its own.
/// </summary>
public abstract class SagaStoreSubject : IAsyncDisposable
{
    /// <summary>The store. Used by many threads at once.</summary>
    public abstract ISagaStore Store { get; }

    /// <summary>The log over the same sagas. Used by many threads at once.</summary>
    public abstract ISagaLog Log { get; }

    /// <summary>
    /// How many sagas the store lists by one query; rules of the listing make three times as many and more, so set it low in tests.
    /// Leave it where the store does not read in pages. Default 20.
    /// </summary>
    public virtual int ListPageSize => 20;

    /// <summary>How long one rule may take before something is taken to hang. Default 60 s.</summary>
    public virtual TimeSpan WaitTimeout => TimeSpan.FromSeconds(60);

    /// <summary>
    /// What an operator, or whoever moves sagas, does: gives a saga to another coordinator, or to nobody, and adds 1 to its adopt
    /// generation. Giving it to its owner raises the generation too. Called while others write about the saga.
    /// </summary>
    /// <param name="sagaId">A saga that exists.</param>
    /// <param name="to">The new owner; null: nobody.</param>
    public abstract Task ReassignAsync(SagaId sagaId, CoordinatorId? to);

    /// <summary>
    /// Optional: damages the row or the log of a saga so that the store cannot read it, as a newer version of it might. Where it is not
    /// overridden, the rule that needs it, one of <see cref="SagaStoreContract.OptionalRules"/>, throws <see cref="RuleSkippedException"/>.
    /// </summary>
    /// <param name="sagaId">A saga in progress.</param>
    public virtual Task MakeUnreadableAsync(SagaId sagaId) => throw new RuleSkippedException(nameof(MakeUnreadableAsync));

    /// <summary>
    /// Optional: loses the last join under a coordinator's id, as a fail-over to a standby that was behind does. The store then holds the
    /// join before it, or none, and no join under this id counts until its process has joined again.
    /// </summary>
    /// <param name="coordinator">The id under which a process joined last. Nothing was written since.</param>
    /// <remarks>
    /// A subject may set the whole store back by its last commit: the rules make no call between that join and this one. Where it is not
    /// overridden, the rules that need it, among <see cref="SagaStoreContract.OptionalRules"/>, throw <see cref="RuleSkippedException"/>.
    /// </remarks>
    public virtual Task LoseLastJoinAsync(CoordinatorId coordinator) => throw new RuleSkippedException(nameof(LoseLastJoinAsync));

    /// <summary>Lets go of what the subject holds.</summary>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
