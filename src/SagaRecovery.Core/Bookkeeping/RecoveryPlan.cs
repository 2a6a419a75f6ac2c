using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>A saga that left this coordinator and came back while this process still ran it at an older generation.</summary>
/// <param name="Candidate">The saga as listed.</param>
/// <param name="Previous">The newest generation that this process may still run it at; that run is to be relinquished.</param>
public readonly record struct ReadoptedSaga(Candidate Candidate, AdoptGeneration Previous);

/// <summary>A tracked saga that is missing from the listing although its row was there before: finished, or no longer ours.</summary>
/// <param name="SagaId">Which saga.</param>
/// <param name="Generation">The newest generation that this process may still run it at.</param>
public readonly record struct UnlistedSaga(SagaId SagaId, AdoptGeneration Generation);

/// <summary>A saga that is not tried yet because it failed before.</summary>
/// <param name="Candidate">The saga as listed.</param>
/// <param name="NextTry">From when on a pass tries it again.</param>
public readonly record struct BackingOffSaga(Candidate Candidate, DateTimeOffset NextTry);

/// <summary>
/// What a pass will do about every saga that is listed or tracked: each stands in exactly one bucket. A value without behaviour; its
/// lists are valid until the next pass is opened.
/// </summary>
public sealed class RecoveryPlan
{
    internal RecoveryPlan(OpenedPass pass, int found, List<SagaId> alreadyRunning, IReadOnlyList<UnreadableCandidate> unreadable)
    {
        Pass = pass;
        Found = found;
        AlreadyRunningBucket = alreadyRunning;
        Unreadable = unreadable;
    }

    /// <summary>How many sagas the listing held.</summary>
    public int Found { get; }

    /// <summary>Listed and not tracked: nobody in this process runs them, so they are handed to the executor.</summary>
    public IReadOnlyList<Candidate> Recover => RecoverBucket;

    /// <summary>Of <see cref="Recover"/>, those that had ended in this process before the listing began: the database has lost their end.</summary>
    public IReadOnlyList<Candidate> EndsLost => EndsLostBucket;

    /// <summary>Listed and tracked at the same generation: they run here, and are skipped.</summary>
    public IReadOnlyList<SagaId> AlreadyRunning => AlreadyRunningBucket;

    /// <summary>Listed at a newer generation than tracked: the old run is relinquished, then they are handed over again.</summary>
    public IReadOnlyList<ReadoptedSaga> Readopted => ReadoptedBucket;

    /// <summary>Not listed, though settled before the listing began: forgotten, and the executor is told.</summary>
    public IReadOnlyList<UnlistedSaga> NoLongerListed => NoLongerListedBucket;

    /// <summary>Not listed, and announced only or confirmed after the listing began: it may not have seen them, so they are kept.</summary>
    public IReadOnlyList<SagaId> Starting => StartingBucket;

    /// <summary>To be handed over, but not before their next try.</summary>
    public IReadOnlyList<BackingOffSaga> BackingOff => BackingOffBucket;

    /// <summary>To be handed over, but not until an operator lets go.</summary>
    public IReadOnlyList<Candidate> Held => HeldBucket;

    /// <summary>To be handed over, but not while recovery is paused.</summary>
    public IReadOnlyList<Candidate> Paused => PausedBucket;

    /// <summary>To be handed over after a crash, but not before others have outlived their probation.</summary>
    public IReadOnlyList<Candidate> Deferred => DeferredBucket;

    /// <summary>Listed by id only, their row could not be read: shown, and never taken for finished.</summary>
    public IReadOnlyList<UnreadableCandidate> Unreadable { get; }

    /// <summary>Of those to be handed over, how many were assigned to this coordinator, and a periodic pass had to find them.</summary>
    public int MissedHints { get; internal set; }

    /// <summary>How many will run nowhere when the plan has been carried out, whatever comes of it, and are not the next passes' to hand over either.</summary>
    internal int LeftAside => Held.Count + BackingOff.Count + Unreadable.Count;

    internal OpenedPass Pass { get; }

    internal List<Candidate> RecoverBucket { get; } = [];

    internal List<Candidate> EndsLostBucket { get; } = [];

    internal List<SagaId> AlreadyRunningBucket { get; }

    internal List<ReadoptedSaga> ReadoptedBucket { get; } = [];

    internal List<UnlistedSaga> NoLongerListedBucket { get; } = [];

    internal List<SagaId> StartingBucket { get; } = [];

    internal List<BackingOffSaga> BackingOffBucket { get; } = [];

    internal List<Candidate> HeldBucket { get; } = [];

    internal List<Candidate> PausedBucket { get; } = [];

    internal List<Candidate> DeferredBucket { get; } = [];

    /// <summary>Begins to carry the plan out.</summary>
    /// <returns>The one account of what came of it.</returns>
    /// <exception cref="InvalidOperationException">It has been begun before, or the pass is over.</exception>
    public PassOutcome BeginOutcome() => Pass.BeginOutcome(this);

    /// <summary>Returns the plan in the form of a dry run's report.</summary>
    /// <param name="now">The present time.</param>
    public RecoveryPlanReport ToReport(DateTimeOffset now) => new(now, Found, [
        Bucket("recover", Recover, saga => saga.SagaId),
        Bucket("readopted", Readopted, saga => saga.Candidate.SagaId),
        Bucket("already running", AlreadyRunning, sagaId => sagaId),
        Bucket("backing off", BackingOff, saga => saga.Candidate.SagaId),
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
