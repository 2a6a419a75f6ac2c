using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>
/// What coordinators on one store see of each other, and how sagas change their owner. Whatever moves a saga is fenced: it waits for the
/// former owner's writes under way, and refuses those that come later, so being wrong about who lives costs the restart of some sagas and
/// never a double run. Implementations are thread-safe.
/// </summary>
public interface ISagaCluster
{
    /// <summary>Who there is, and who owns unfinished sagas, as of one moment.</summary>
    Task<ClusterView> ReadViewAsync(CancellationToken cancellationToken);

    /// <summary>How many unfinished sagas each owner has, known or not; does not read those of owners that are known.</summary>
    Task<IReadOnlyList<OwnedSagas>> CountUnfinishedAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Gives one coordinator's unfinished sagas to others, in bounded batches, evenly, and only to those that are active, answer and can
    /// run them. Repeating it is harmless: what has moved stays where it is.
    /// </summary>
    /// <exception cref="ArgumentException">It names nobody to take them, or the giver itself.</exception>
    Task<ReassignOutcome> ReassignAsync(Reassignment reassignment, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>
    /// Takes over from a coordinator that has been silent since it was last sighted. Of several that try, one does.
    /// </summary>
    /// <param name="by">Who takes over; it needs not be among those that get the sagas.</param>
    /// <param name="silent">Whom, and when it last gave a sign of life: if it has given another since, nothing is done.</param>
    /// <param name="to">Who gets the sagas.</param>
    /// <param name="retryAfter">How long a take-over that somebody else has begun is left alone.</param>
    /// <param name="cancellationToken">Gives up; what has moved stays where it is.</param>
    Task<ReassignOutcome> TakeOverAsync(
        Membership by, CoordinatorObservation silent, IReadOnlyList<CoordinatorId> to, TimeSpan retryAfter, CancellationToken cancellationToken);

    /// <summary>Waits until those that were given sagas have recovered all that they had been given by then.</summary>
    Task<IReadOnlyList<CaughtUp>> WaitUntilCaughtUpAsync(IReadOnlyCollection<Receipt> receipts, CancellationToken cancellationToken);

    /// <summary>Says that this process takes no new work: nothing is assigned to it any more once this returns. Said again, it changes nothing.</summary>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    Task BeginDrainAsync(Membership member, OperatorNote note, CancellationToken cancellationToken);
}

/// <summary>Who there is.</summary>
/// <param name="Time">When this was so, by the store's clock.</param>
/// <param name="Coordinators">All that ever joined, by id.</param>
/// <param name="Owners">Who owns unfinished sagas, known or not.</param>
public sealed record ClusterView(DateTimeOffset Time, IReadOnlyList<CoordinatorObservation> Coordinators, IReadOnlyList<CoordinatorId> Owners)
{
    /// <summary>Those that are active and answer, to whom the sagas of one may be given.</summary>
    internal CoordinatorId[] TakersBesides(CoordinatorId giver) =>
    [
        .. Coordinators
            .Where(one => one.Id != giver && one.State == CoordinatorState.Active && Time - one.LastSeen < CoordinatorDetails.AnswerTimeout)
            .Select(one => one.Id),
    ];
}

/// <summary>The unfinished sagas of one owner.</summary>
/// <param name="Owner">Who owns them; null: nobody does.</param>
/// <param name="IsKnown">Whether a coordinator with this id ever joined. If not, they are orphans.</param>
/// <param name="Answers">Whether that lives, as far as the store can tell.</param>
/// <param name="Count">How many; null: not counted, because their owner answers.</param>
/// <param name="Oldest">When the oldest was inserted; null: not looked up, for the same reason.</param>
public sealed record OwnedSagas(CoordinatorId? Owner, bool IsKnown, bool Answers, long? Count, DateTimeOffset? Oldest);

/// <summary>An order to give one coordinator's unfinished sagas to others.</summary>
/// <param name="From">Who owns them; null: nobody. It need not be a coordinator that ever joined.</param>
/// <param name="To">Who is to get them.</param>
public sealed record Reassignment(CoordinatorId? From, IReadOnlyList<CoordinatorId> To)
{
    /// <summary>How many sagas one transaction moves at most. Default 500.</summary>
    public int BatchSize { get; init; } = 500;

    /// <summary>Reassign them although their owner answers. Safe, because it is fenced; what it runs is run again from the last step on.</summary>
    public bool EvenIfOwnerAnswers { get; init; }

    /// <summary>Reassign them only as long as this join of the owner counts: for a process that gives away its own. Default: whichever it is.</summary>
    public Membership? Owner { get; init; }
}

/// <summary>What became of a reassignment or a take-over.</summary>
public abstract record ReassignOutcome
{
    private ReassignOutcome()
    {
    }

    /// <summary>It was done.</summary>
    /// <param name="Receipts">Who got sagas, and how many.</param>
    /// <param name="Left">How many nobody of those could run: they stay where they are.</param>
    public sealed record Done(IReadOnlyList<Receipt> Receipts, long Left) : ReassignOutcome
    {
        /// <summary>How many moved.</summary>
        public long Moved => Receipts.Sum(receipt => receipt.Count);
    }

    /// <summary>Nothing was done: the owner answers, and could drain itself.</summary>
    /// <param name="Owner">Who that is.</param>
    public sealed record OwnerAnswers(CoordinatorDetails Owner) : ReassignOutcome;

    /// <summary>Nothing was done: none of those that were to get the sagas is active and answers.</summary>
    public sealed record NoTaker : ReassignOutcome
    {
        /// <summary>The one instance.</summary>
        public static NoTaker Instance { get; } = new();
    }

    /// <summary>Nothing was done: the coordinator has given a sign of life, or somebody else has begun to take over from it.</summary>
    public sealed record NotNeeded : ReassignOutcome
    {
        /// <summary>The one instance.</summary>
        public static NotNeeded Instance { get; } = new();
    }
}

/// <summary>What one coordinator was given.</summary>
/// <param name="To">Who.</param>
/// <param name="Count">How many sagas.</param>
/// <param name="Mark">The number of the last assignment, for <see cref="ISagaCluster.WaitUntilCaughtUpAsync"/>.</param>
public sealed record Receipt(CoordinatorId To, long Count, long Mark);

/// <summary>That a coordinator has recovered all that it had been given.</summary>
/// <param name="Coordinator">Which.</param>
/// <param name="NotRunning">How many of all its sagas that pass left aside: held, failed, or not here. Its status names them.</param>
public sealed record CaughtUp(CoordinatorId Coordinator, int NotRunning);
