using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The view that coordinators on one store have of each other, and the operations that move sagas between them.</summary>
/// <remarks>
/// Every move of a saga is fenced: it must wait for writes of the former owner that are under way, and must make later ones fail. A wrong
/// guess about which process is alive then costs the restart of some sagas, and never a double run. Implementations must be thread-safe.
/// </remarks>
public interface ISagaCluster
{
    /// <summary>Reads all coordinators and the owners of unfinished sagas, as of one moment.</summary>
    /// <param name="cancellationToken">Cancels the query.</param>
    Task<ClusterView> ReadViewAsync(CancellationToken cancellationToken);

    /// <summary>Counts the unfinished sagas of each owner that does not answer, including unknown owners.</summary>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>One row for each owner. The sagas of an owner that answers are not counted.</returns>
    Task<IReadOnlyList<OwnedSagas>> CountUnfinishedAsync(CancellationToken cancellationToken);

    /// <summary>Counts the same for operators, within their time limit and beside the writes of the log. Changes nothing on the store.</summary>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>As <see cref="CountUnfinishedAsync"/>.</returns>
    /// <exception cref="SearchTimeoutException">The count took too long.</exception>
    /// <remarks>A store that does not implement this counts as recovery does.</remarks>
    Task<IReadOnlyList<OwnedSagas>> QueryUnfinishedAsync(CancellationToken cancellationToken) => CountUnfinishedAsync(cancellationToken);

    /// <summary>Counts the stuck and the abandoned sagas of all owners, each up to <see cref="UnresolvedSagas.MaxCount"/>.</summary>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The counts; null if the store does not count them.</returns>
    Task<UnresolvedSagas?> CountUnresolvedAsync(CancellationToken cancellationToken) => Task.FromResult<UnresolvedSagas?>(null);

    /// <summary>Reassigns the unfinished sagas of one coordinator to others.</summary>
    /// <param name="reassignment">The owner, the recipients and the conditions.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the reassignment. Sagas that have moved keep their new owner.</param>
    /// <exception cref="ArgumentException">The reassignment names no recipients, or names the owner as one.</exception>
    /// <remarks>
    /// Sagas move in bounded batches and in even shares. Only coordinators that are active, answer and can run a saga receive it, and only if
    /// their recovery is not paused (see <see cref="Reassignment.EvenIfPaused"/>). A repeated call is harmless.
    /// </remarks>
    Task<ReassignOutcome> ReassignAsync(Reassignment reassignment, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>Reassigns chosen sagas of any owners, each under the rules of a reassignment of all sagas of its owner.</summary>
    /// <param name="sagas">The sagas. A bounded batch: a few hundred.</param>
    /// <param name="recipients">The recipients and the conditions.</param>
    /// <param name="note">The actor and the reason, recorded for each saga.</param>
    /// <param name="cancellationToken">Cancels the reassignment. Sagas that have moved keep their new owner.</param>
    /// <returns>One result for each saga, in order.</returns>
    /// <exception cref="NotSupportedException">The store does not implement this.</exception>
    Task<IReadOnlyList<OperatorActionResult>> ReassignAsync(
        IReadOnlyList<SagaId> sagas, ChosenRecipients recipients, OperatorNote note, CancellationToken cancellationToken) =>
        throw new NotSupportedException("The store does not reassign chosen sagas.");

    /// <summary>Takes over from a coordinator that has written no heartbeat since it was last observed.</summary>
    /// <param name="by">The coordinator that takes over. It need not be a recipient.</param>
    /// <param name="silent">The silent coordinator, as it was observed. If it has written a heartbeat since, nothing is done.</param>
    /// <param name="to">The recipients of the sagas. One whose recovery is paused receives none.</param>
    /// <param name="retryAfter">The time for which a take-over that another coordinator has begun is left alone.</param>
    /// <param name="cancellationToken">Cancels the take-over. Sagas that have moved keep their new owner.</param>
    /// <remarks>If several coordinators try at once, only one of them must succeed.</remarks>
    Task<ReassignOutcome> TakeOverAsync(
        Membership by, CoordinatorObservation silent, IReadOnlyList<CoordinatorId> to, TimeSpan retryAfter, CancellationToken cancellationToken);

    /// <summary>Waits until the recipients have processed all sagas that the receipts name.</summary>
    /// <param name="receipts">The receipts of a reassignment.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task<IReadOnlyList<CaughtUp>> WaitUntilCaughtUpAsync(IReadOnlyCollection<Receipt> receipts, CancellationToken cancellationToken);

    /// <summary>Marks this process as draining. Once the call returns, no more sagas are assigned to it. A repeated call is harmless.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    Task BeginDrainAsync(Membership member, OperatorNote note, CancellationToken cancellationToken);
}

/// <summary>A snapshot of the coordinators on one store.</summary>
/// <param name="Time">The time of the snapshot, by the clock of the store.</param>
/// <param name="Coordinators">All coordinators that have ever joined, by id.</param>
/// <param name="Owners">The owners of unfinished sagas, including unknown ones.</param>
public sealed record ClusterView(DateTimeOffset Time, IReadOnlyList<CoordinatorObservation> Coordinators, IReadOnlyList<CoordinatorId> Owners)
{
    /// <summary>
    /// Returns the coordinators, other than the giver, that are active and answer. The store passes over those whose recovery is paused, and names
    /// them in the outcome.
    /// </summary>
    internal CoordinatorId[] TakersBesides(CoordinatorId giver) =>
    [
        .. Coordinators
            .Where(one => one.Id != giver && one.State == CoordinatorState.Active && Time - one.LastSeen < CoordinatorDetails.AnswerTimeout)
            .Select(one => one.Id),
    ];
}

/// <summary>The unfinished sagas of one owner.</summary>
/// <param name="Owner">The owner; null for unowned sagas.</param>
/// <param name="IsKnown">True if a coordinator with this id has ever joined. If not, the sagas are orphans.</param>
/// <param name="Answers">True if the store has a recent heartbeat of the owner.</param>
/// <param name="Count">The number of sagas; null if they were not counted because their owner answers.</param>
/// <param name="Oldest">The time at which the oldest saga was inserted; null for the same reason.</param>
public sealed record OwnedSagas(CoordinatorId? Owner, bool IsKnown, bool Answers, long? Count, DateTimeOffset? Oldest);

/// <summary>A request to reassign the unfinished sagas of one coordinator.</summary>
/// <param name="From">The owner; null for unowned sagas. It need not be a coordinator that has ever joined.</param>
/// <param name="To">The recipients.</param>
public sealed record Reassignment(CoordinatorId? From, IReadOnlyList<CoordinatorId> To)
{
    /// <summary>The maximum number of sagas that one transaction moves.</summary>
    /// <value>At least 1. The default is 500.</value>
    public int BatchSize { get; init; } = 500;

    /// <summary>A value indicating whether to reassign the sagas although their owner answers.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    /// <remarks>It is safe, because the owner is fenced. A saga that the owner runs is resumed elsewhere from its last logged step.</remarks>
    public bool EvenIfOwnerAnswers { get; init; }

    /// <summary>A value indicating whether recipients whose recovery is paused receive sagas, too. They resume them once the pause has ended.</summary>
    /// <value>The default is <see langword="false"/>. The operator actions set it for a single recipient that the operator has named.</value>
    public bool EvenIfPaused { get; init; }

    /// <summary>The join of the owner that must be valid for the sagas to move.</summary>
    /// <value>The default is <see langword="null"/>: any join. A process that reassigns its own sagas sets its membership.</value>
    public Membership? Owner { get; init; }
}

/// <summary>The outcome of a reassignment or a take-over.</summary>
public abstract record ReassignOutcome
{
    private ReassignOutcome()
    {
    }

    /// <summary>The possible recipients that received nothing because their recovery is paused.</summary>
    /// <value>Empty if there were none, or if the outcome is not <see cref="Done"/> or <see cref="NoTaker"/>.</value>
    public IReadOnlyList<CoordinatorId> Paused { get; init; } = [];

    /// <summary>The sagas were reassigned.</summary>
    /// <param name="Receipts">The recipients with their shares.</param>
    /// <param name="Left">The number of sagas that no recipient can run. They keep their owner.</param>
    public sealed record Done(IReadOnlyList<Receipt> Receipts, long Left) : ReassignOutcome
    {
        /// <summary>The number of sagas that moved.</summary>
        public long Moved => Receipts.Sum(receipt => receipt.Count);
    }

    /// <summary>Nothing was done: the owner answers and could drain itself.</summary>
    /// <param name="Owner">The owner.</param>
    public sealed record OwnerAnswers(CoordinatorDetails Owner) : ReassignOutcome;

    /// <summary>Nothing was done: no recipient is active, answers and is not paused.</summary>
    public sealed record NoTaker : ReassignOutcome
    {
        /// <summary>The outcome without a paused recipient.</summary>
        public static NoTaker Instance { get; } = new();
    }

    /// <summary>Nothing was done: the coordinator has written a heartbeat, or another one has begun to take over from it.</summary>
    public sealed record NotNeeded : ReassignOutcome
    {
        /// <summary>The only instance.</summary>
        public static NotNeeded Instance { get; } = new();
    }
}

/// <summary>The share of one recipient in a reassignment.</summary>
/// <param name="To">The recipient.</param>
/// <param name="Count">The number of sagas.</param>
/// <param name="Mark">The number of the last assignment, for <see cref="ISagaCluster.WaitUntilCaughtUpAsync"/>.</param>
public sealed record Receipt(CoordinatorId To, long Count, long Mark);

/// <summary>A coordinator that has processed all sagas that had been assigned to it.</summary>
/// <param name="Coordinator">The coordinator.</param>
/// <param name="NotRunning">
/// The number of its sagas that it does not run: held, failed, or of an unknown definition. The status of the coordinator lists them.
/// </param>
public sealed record CaughtUp(CoordinatorId Coordinator, int NotRunning);
