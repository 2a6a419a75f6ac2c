using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;

namespace SagaRecovery.Storage;

/// <summary>
/// Where sagas are kept, as recovery sees it. The Postgres store is the one that ships; supply another to keep sagas elsewhere.
/// Implementations are thread-safe. Whatever cannot be done is an exception: recovery counts it, and tries again.
/// </summary>
public interface ISagaStore
{
    /// <summary>Joins under a coordinator id: raises its incarnation and thereby fences every earlier process out.</summary>
    /// <returns>What this process writes with from now on.</returns>
    Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken);

    /// <summary>
    /// Joins again, after the store has lost a join or was started anew: only if no other process has joined since. What the process has
    /// in flight stays its own. Asked again for the same lost join, as after a lost answer, it answers with that join or with a newer one.
    /// </summary>
    /// <param name="lost">The membership that the store refused with a <see cref="JoinLostException"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What this process writes with from now on.</returns>
    /// <exception cref="CoordinatorFencedException">Another process has joined since.</exception>
    Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken);

    /// <summary>
    /// Lists the sagas in progress that this coordinator owns: every one whose row was committed when this was called, from the
    /// primary. A saga that it leaves out counts as finished; a row that cannot be read goes to
    /// <see cref="CandidateListing.AddUnreadable"/>.
    /// </summary>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process.</exception>
    Task ListCandidatesAsync(Membership member, CandidateListing listing, CancellationToken cancellationToken);

    /// <summary>
    /// Loads sagas with their definitions and logs, looking at each again: what is no longer in progress, ours and at the listed
    /// generation has moved on.
    /// </summary>
    /// <param name="member">Who loads.</param>
    /// <param name="candidates">A bounded batch; see <see cref="SagaRecoveryOptions.LoadBatchSize"/>.</param>
    /// <param name="cancellationToken">Gives up loading.</param>
    /// <returns>One answer for each candidate, in their order.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process.</exception>
    Task<IReadOnlyList<LoadedSaga>> LoadAsync(
        Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken);

    /// <summary>Tells which of some sagas the store has lost: asked after a loss, for sagas that had certainly been there.</summary>
    /// <param name="member">Who asks.</param>
    /// <param name="sagas">Sagas that a listing has missed; may be none, to learn whether this process's join still counts.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Those of which there is no row, whatever its owner and state.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process.</exception>
    Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, IReadOnlyCollection<SagaId> sagas, CancellationToken cancellationToken);

    /// <summary>Sets a saga aside for good, unless it has moved on.</summary>
    /// <param name="sagaId">Which saga.</param>
    /// <param name="ownership">The right to do so.</param>
    /// <param name="abandonment">Why.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Whether it was abandoned; false: it had moved on.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process.</exception>
    Task<bool> AbandonAsync(SagaId sagaId, Ownership ownership, Abandonment abandonment, CancellationToken cancellationToken);
}

/// <summary>Why a saga is set aside.</summary>
/// <param name="Reason">A short, fixed code to group by, such as <c>corrupt</c>.</param>
/// <param name="Comment">What is wrong, for people.</param>
public sealed record Abandonment(string Reason, string Comment);

/// <summary>What loading one candidate gave.</summary>
public abstract record LoadedSaga
{
    private LoadedSaga()
    {
    }

    /// <summary>It is still ours and in progress.</summary>
    /// <param name="Saga">All that the log holds of it.</param>
    public sealed record Present(SavedSaga Saga) : LoadedSaga;

    /// <summary>Its state, owner or generation changed since the listing.</summary>
    public sealed record Superseded : LoadedSaga
    {
        /// <summary>The one instance.</summary>
        public static Superseded Instance { get; } = new();
    }

    /// <summary>Its row or its log could not be read.</summary>
    /// <param name="Error">What went wrong.</param>
    public sealed record Unreadable(string Error) : LoadedSaga;
}
