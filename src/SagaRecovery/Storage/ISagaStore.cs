using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;

namespace SagaRecovery.Storage;

/// <summary>The store of sagas, as recovery uses it.</summary>
/// <remarks>
/// The package includes a store for Postgres. Implement this interface to keep sagas elsewhere, and register it with
/// <c>AddSagaRecovery().UseStore&lt;T&gt;()</c>. Implementations must be thread-safe. They must throw on every failure: recovery counts
/// the exception and retries.
/// </remarks>
public interface ISagaStore
{
    /// <summary>Joins under a coordinator id. Raises its incarnation and thereby fences out every earlier process.</summary>
    /// <param name="coordinator">The coordinator id of this process.</param>
    /// <param name="cancellationToken">Cancels the join.</param>
    /// <returns>The membership that this process writes with from now on.</returns>
    /// <exception cref="IncompatibleStoreException">
    /// The store has contents of a version that this process cannot work with. Callers that wait for the join get this exception. On any other
    /// exception they wait for the next attempt.
    /// </exception>
    Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken);

    /// <summary>Joins again after the store has lost a join, provided that no other process has joined since.</summary>
    /// <param name="lost">The membership that the store refused with a <see cref="JoinLostException"/>.</param>
    /// <param name="cancellationToken">Cancels the join.</param>
    /// <returns>The membership that this process writes with from now on.</returns>
    /// <exception cref="CoordinatorFencedException">Another process has joined since.</exception>
    /// <remarks>
    /// The process keeps the sagas that it has in flight. A repeated call for the same lost join, as after a lost answer, must return the
    /// membership of the first call or a newer one.
    /// </remarks>
    Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken);

    /// <summary>Lists the sagas in progress that this coordinator owns.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="listing">The listing to fill. Add rows that cannot be read with <see cref="CandidateListing.AddUnreadable"/>.</param>
    /// <param name="cancellationToken">Cancels the listing.</param>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process.</exception>
    /// <remarks>
    /// The listing must be read from the primary and must contain every saga whose row was committed before the call. Recovery takes a
    /// saga that is missing from it as finished.
    /// </remarks>
    Task ListCandidatesAsync(Membership member, CandidateListing listing, CancellationToken cancellationToken);

    /// <summary>Loads sagas with their definitions and logs.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="candidates">A bounded batch; see <see cref="SagaRecoveryOptions.LoadBatchSize"/>.</param>
    /// <param name="cancellationToken">Cancels the load.</param>
    /// <returns>One result for each candidate, in order.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process.</exception>
    /// <remarks>
    /// Implementations must check each saga again: one that is no longer in progress, owned by this coordinator and at the listed
    /// generation is <see cref="LoadedSaga.Superseded"/>.
    /// </remarks>
    Task<IReadOnlyList<LoadedSaga>> LoadAsync(
        Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken);

    /// <summary>Finds which of these sagas the store has lost.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="sagas">
    /// Sagas that were stored before and are missing from a listing. May be empty, to check that the join of this process still counts.
    /// </param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The sagas without a row, regardless of owner and state.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process.</exception>
    Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, IReadOnlyCollection<SagaId> sagas, CancellationToken cancellationToken);

    /// <summary>Abandons a saga permanently, unless it has been superseded.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="ownership">The right to write about the saga.</param>
    /// <param name="abandonment">The reason.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <returns>True if the saga was abandoned; false if its state, owner or generation had changed.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process.</exception>
    Task<bool> AbandonAsync(SagaId sagaId, Ownership ownership, Abandonment abandonment, CancellationToken cancellationToken);
}

/// <summary>The reason for abandoning a saga.</summary>
/// <param name="Reason">A short, fixed code to group by, such as <c>corrupt</c>.</param>
/// <param name="Comment">An explanation for operators.</param>
public sealed record Abandonment(string Reason, string Comment);

/// <summary>The result of loading one candidate.</summary>
public abstract record LoadedSaga
{
    private LoadedSaga()
    {
    }

    /// <summary>The saga is in progress and owned by this coordinator at the listed generation.</summary>
    /// <param name="Saga">The saga with its log.</param>
    public sealed record Present(SavedSaga Saga) : LoadedSaga;

    /// <summary>The state, owner or generation of the saga has changed since the listing.</summary>
    public sealed record Superseded : LoadedSaga
    {
        /// <summary>The only instance.</summary>
        public static Superseded Instance { get; } = new();
    }

    /// <summary>The row or the log of the saga could not be read.</summary>
    /// <param name="Error">The error message.</param>
    public sealed record Unreadable(string Error) : LoadedSaga;
}
