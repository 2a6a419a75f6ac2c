using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>A saga whose generation was raised while this process ran it: it was reassigned and has returned, or an operator changed its log.</summary>
/// <param name="Candidate">The saga as listed.</param>
/// <param name="Previous">The newest generation at which this process may be running it. That run must be relinquished.</param>
public readonly record struct ReadoptedSaga(Candidate Candidate, AdoptGeneration Previous);

/// <summary>A tracked saga that the listing no longer holds: finished, or no longer owned by this coordinator.</summary>
/// <param name="SagaId">The id of the saga.</param>
/// <param name="Generation">The newest generation at which this process may be running it.</param>
public readonly record struct UnlistedSaga(SagaId SagaId, AdoptGeneration Generation);

/// <summary>A saga that failed before and is not due for its next attempt.</summary>
/// <param name="Candidate">The saga as listed.</param>
/// <param name="NextTry">The earliest time of the next attempt.</param>
public readonly record struct BackingOffSaga(Candidate Candidate, DateTimeOffset NextTry);

/// <summary>The plan of a pass. It puts each listed or tracked saga into exactly one bucket.</summary>
/// <remarks>
/// <see cref="EndsLost"/> is not a bucket of its own but a part of the sagas to recover, and <see cref="Outdated"/> one of the sagas that are not resumed. The lists are valid until the next pass is
/// opened. Not thread-safe.
/// </remarks>
public sealed class RecoveryPlan
{
    internal RecoveryPlan(OpenedPass pass, int found, List<SagaId> alreadyRunning, IReadOnlyList<UnreadableCandidate> unreadable)
    {
        Pass = pass;
        Found = found;
        AlreadyRunningBucket = alreadyRunning;
        Unreadable = unreadable;
    }

    /// <summary>The number of sagas in the listing.</summary>
    public int Found { get; }

    /// <summary>The sagas that are listed and not running in this process. The executor resumes them.</summary>
    /// <value>As many as it takes now: see <see cref="WaitingForSlot"/>.</value>
    public IReadOnlyList<Candidate> Recover => RecoverBucket;

    /// <summary>The sagas to recover that had ended in this process before the listing began. The database lost their end.</summary>
    public IReadOnlyList<Candidate> EndsLost => EndsLostBucket;

    /// <summary>The sagas that are listed and tracked at the same or a newer generation. They run in this process and are skipped.</summary>
    public IReadOnlyList<SagaId> AlreadyRunning => AlreadyRunningBucket;

    /// <summary>The sagas listed at a newer generation than tracked. The old run is relinquished, and then they are resumed.</summary>
    public IReadOnlyList<ReadoptedSaga> Readopted => ReadoptedBucket;

    /// <summary>The tracked sagas that are not listed, although their row existed before the listing began. The executor relinquishes them.</summary>
    public IReadOnlyList<UnlistedSaga> NoLongerListed => NoLongerListedBucket;

    /// <summary>The tracked sagas that are not listed because they may be too new for the listing. They stay tracked.</summary>
    public IReadOnlyList<SagaId> Starting => StartingBucket;

    /// <summary>The number of sagas to recover that the executor does not take now. They wait for a slot, and a later refill resumes them.</summary>
    public int WaitingForSlot { get; internal set; }

    /// <summary>The sagas that failed before and are not due.</summary>
    public IReadOnlyList<BackingOffSaga> BackingOff => BackingOffBucket;

    /// <summary>The sagas that are not tried because the executor lacks their definition, and that are not due.</summary>
    public IReadOnlyList<Candidate> UnknownDefinition => UnknownDefinitionBucket;

    /// <summary>The sagas that an operator holds.</summary>
    public IReadOnlyList<Candidate> Held => HeldBucket;

    /// <summary>The sagas that are not resumed because recovery is paused.</summary>
    public IReadOnlyList<Candidate> Paused => PausedBucket;

    /// <summary>The part of <see cref="Held"/> and <see cref="Paused"/> that this process may run at an older generation. Those runs are relinquished.</summary>
    public IReadOnlyList<ReadoptedSaga> Outdated => OutdatedBucket;

    /// <summary>The sagas that are not resumed after a crash until other sagas have passed their probation.</summary>
    public IReadOnlyList<Candidate> Deferred => DeferredBucket;

    /// <summary>The listed sagas whose row could not be read. They are reported and never treated as finished.</summary>
    public IReadOnlyList<UnreadableCandidate> Unreadable { get; }

    /// <summary>The number of newly assigned sagas that a periodic pass found, although a hint should have announced them.</summary>
    public int MissedHints { get; internal set; }

    /// <summary>The number of sagas that no process runs after this pass, regardless of its results, and that the next pass may not resume either.</summary>
    internal int NotEligible => Held.Count + BackingOff.Count + UnknownDefinition.Count + Unreadable.Count;

    /// <summary>True if each saga to recover is queued as soon as it is planned.</summary>
    internal bool QueuesAtOnce { get; init; }

    /// <summary>Some of the sagas that wait for a slot, for the report of a dry run.</summary>
    internal IReadOnlyList<SagaId> SlotSample { get; set; } = [];

    internal OpenedPass Pass { get; }

    internal List<Candidate> RecoverBucket { get; } = [];

    internal List<Candidate> EndsLostBucket { get; } = [];

    internal List<SagaId> AlreadyRunningBucket { get; }

    internal List<ReadoptedSaga> ReadoptedBucket { get; } = [];

    internal List<UnlistedSaga> NoLongerListedBucket { get; } = [];

    internal List<SagaId> StartingBucket { get; } = [];

    internal List<BackingOffSaga> BackingOffBucket { get; } = [];

    internal List<Candidate> UnknownDefinitionBucket { get; } = [];

    internal List<Candidate> HeldBucket { get; } = [];

    internal List<Candidate> PausedBucket { get; } = [];

    internal List<ReadoptedSaga> OutdatedBucket { get; } = [];

    internal List<Candidate> DeferredBucket { get; } = [];

    /// <summary>Begins the execution of the plan.</summary>
    /// <returns>The outcome, in which the caller must record each result.</returns>
    /// <exception cref="InvalidOperationException">The execution has already begun, or the pass has ended.</exception>
    public PassOutcome BeginOutcome() => Pass.BeginOutcome(this);

    /// <summary>Converts the plan to the report of a dry run.</summary>
    /// <param name="now">The current time.</param>
    public RecoveryPlanReport ToReport(DateTimeOffset now) => new(now, Found, [
        Bucket("recover", Recover, saga => saga.SagaId),
        Bucket("readopted", Readopted, saga => saga.Candidate.SagaId),
        Bucket("already running or queued", AlreadyRunning, sagaId => sagaId),
        new PlanBucket("waiting for a slot", WaitingForSlot, SlotSample),
        Bucket("backing off", BackingOff, saga => saga.Candidate.SagaId),
        Bucket("unknown definition", UnknownDefinition, saga => saga.SagaId),
        Bucket("held", Held, saga => saga.SagaId),
        Bucket("paused", Paused, saga => saga.SagaId),
        Bucket("deferred", Deferred, saga => saga.SagaId),
        Bucket("unreadable", Unreadable, saga => saga.SagaId),
        Bucket("no longer listed", NoLongerListed, saga => saga.SagaId),
        Bucket("starting", Starting, sagaId => sagaId),
    ]);

    private static PlanBucket Bucket<T>(string name, IReadOnlyList<T> sagas, Func<T, SagaId> idOf) =>
        new(name, sagas.Count, [.. sagas.Take(RecoveryReport.HistoryLength).Select(idOf)]);
}
