using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>A store and its log, under test by <see cref="SagaStoreContract"/>.</summary>
/// <remarks>
/// Create a new subject for each rule. The subjects may share one database, because every rule creates its own coordinators and sagas.
/// </remarks>
public abstract class SagaStoreSubject : IAsyncDisposable
{
    /// <summary>The store under test. The rules call it from many threads concurrently.</summary>
    public abstract ISagaStore Store { get; }

    /// <summary>The log of the same sagas. The rules call it from many threads concurrently.</summary>
    public abstract ISagaLog Log { get; }

    /// <summary>Optional. The reader of the same sagas.</summary>
    /// <remarks>Some of the <see cref="SagaStoreContract.OptionalRules"/> need it.</remarks>
    /// <exception cref="RuleSkippedException">The subject does not override this member.</exception>
    public virtual ISagaReader Reader => throw new RuleSkippedException(nameof(Reader));

    /// <summary>Optional. The definitions of the same sagas.</summary>
    /// <remarks>Some of the <see cref="SagaStoreContract.OptionalRules"/> need it.</remarks>
    /// <exception cref="RuleSkippedException">The subject does not override this member.</exception>
    public virtual ISagaDefinitions Definitions => throw new RuleSkippedException(nameof(Definitions));

    /// <summary>Optional. The deletion of the same sagas.</summary>
    /// <remarks>Some of the <see cref="SagaStoreContract.OptionalRules"/> need it. Times for which sagas are kept may be negative here.</remarks>
    /// <exception cref="RuleSkippedException">The subject does not override this member.</exception>
    public virtual ISagaRetention Retention => throw new RuleSkippedException(nameof(Retention));

    /// <summary>The number of sagas that the store lists with one query.</summary>
    /// <value>Sagas, at least 1. The default is 20.</value>
    /// <remarks>
    /// Rules about the listing create several times as many sagas, so a low number keeps the tests fast. Keep the default if the store
    /// does not list in pages.
    /// </remarks>
    public virtual int ListPageSize => 20;

    /// <summary>The maximum duration of one rule. A rule that takes longer fails.</summary>
    /// <value>The default is 60 s.</value>
    public virtual TimeSpan WaitTimeout => TimeSpan.FromSeconds(60);

    /// <summary>Reassigns a saga to another coordinator, or to none, and raises its adopt generation by 1, as an operator does.</summary>
    /// <param name="sagaId">An existing saga.</param>
    /// <param name="to">The new owner, or null for none.</param>
    /// <remarks>
    /// The implementation must raise the generation even if <paramref name="to"/> is the current owner. Rules call this method while
    /// processes write to the saga.
    /// </remarks>
    public abstract Task ReassignAsync(SagaId sagaId, CoordinatorId? to);

    /// <summary>
    /// Optional. Damages the row or the log of a saga so that the store cannot read it, as a row written by a newer version might be.
    /// </summary>
    /// <param name="sagaId">A saga in progress.</param>
    /// <remarks>One of the <see cref="SagaStoreContract.OptionalRules"/> needs it.</remarks>
    /// <exception cref="RuleSkippedException">The subject does not override this member.</exception>
    public virtual Task MakeUnreadableAsync(SagaId sagaId) => throw new RuleSkippedException(nameof(MakeUnreadableAsync));

    /// <summary>Optional. Loses the last join of a coordinator, as a fail-over to a lagging standby does.</summary>
    /// <param name="coordinator">The coordinator that made the last join. No write followed it.</param>
    /// <remarks>
    /// Afterwards the store must hold the join before it, or none, and must refuse every join of this coordinator until a process
    /// rejoins. The subject may roll back the last commit of the whole store, because the rules make no call between that join and this
    /// method. Several of the <see cref="SagaStoreContract.OptionalRules"/> need it.
    /// </remarks>
    /// <exception cref="RuleSkippedException">The subject does not override this member.</exception>
    public virtual Task LoseLastJoinAsync(CoordinatorId coordinator) => throw new RuleSkippedException(nameof(LoseLastJoinAsync));

    /// <summary>Optional. Requests the cancellation of a saga, as an operator does.</summary>
    /// <param name="sagaId">An existing saga.</param>
    /// <param name="cancellation">The request. The store may set its own time.</param>
    /// <returns>True if the store has the request now; false if the saga is not running any more, or has an earlier request.</returns>
    /// <remarks>Rules call this method while a process writes to the saga. Two of the <see cref="SagaStoreContract.OptionalRules"/> need it.</remarks>
    /// <exception cref="RuleSkippedException">The subject does not override this member.</exception>
    public virtual Task<bool> CancelAsync(SagaId sagaId, SagaCancellation cancellation) => throw new RuleSkippedException(nameof(CancelAsync));

    /// <summary>Releases the resources of the subject.</summary>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
