using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>The messages that one drain read from the <see cref="StartInbox"/>, for the log. Immutable.</summary>
/// <param name="Announced">The sagas whose start was announced.</param>
/// <param name="Interrupted">The runs that the executor reported as interrupted.</param>
/// <param name="Violations">The sagas that were inserted before they were announced, in violation of the protocol.</param>
public sealed record DrainedStarts(
    IReadOnlyList<SagaId> Announced,
    IReadOnlyList<InterruptedRun> Interrupted,
    IReadOnlyList<SagaId> Violations)
{
    internal static DrainedStarts None { get; } = new([], [], []);

    internal DrainedStarts Plus(DrainedStarts later) => ReferenceEquals(this, None)
        ? later
        : new([.. Announced, .. later.Announced], [.. Interrupted, .. later.Interrupted], [.. Violations, .. later.Violations]);

    /// <summary>Returns true if the run of a saga at this or a newer generation was interrupted.</summary>
    internal bool HasInterrupted(SagaId sagaId, AdoptGeneration generation) =>
        Interrupted.Count > 0 && Interrupted.Any(run => run.SagaId == sagaId && run.Generation >= generation);

    /// <summary>Marks the interruption of a run that was counted as recovered only after the interruption was read.</summary>
    internal DrainedStarts TakeBack(SagaId sagaId, AdoptGeneration generation) => this with
    {
        Interrupted = [.. Interrupted.Select(run => run.SagaId == sagaId && run.Generation >= generation && !run.IsRequested ? run with { WasRecovered = true } : run)],
    };
}

/// <summary>A run that the executor reported as interrupted.</summary>
/// <param name="SagaId">The saga.</param>
/// <param name="Generation">The generation of the run.</param>
/// <param name="Reason">The reason, as one line for operators.</param>
/// <param name="At">The time at which the report was read.</param>
public sealed record InterruptedRun(SagaId SagaId, AdoptGeneration Generation, string Reason, DateTimeOffset At)
{
    /// <summary>A value indicating whether the run was stopped because an operator requested it. Such a run has not failed.</summary>
    public bool IsRequested { get; init; }

    /// <summary>A value indicating whether the saga had been counted as recovered for this run, which has failed. It is counted no more.</summary>
    public bool WasRecovered { get; init; }
}

/// <summary>A pass whose opening drain is complete.</summary>
/// <remarks>
/// <para>
/// <see cref="SagaTracker.OpenPass"/> creates it. The steps that follow are a listing, its reconciliation, a plan and an outcome, in this
/// order. A step out of order throws. Not thread-safe.
/// </para>
/// <para>A pass drains the starts twice, before and after the listing, because three questions need an answer.</para>
/// <para>
/// <em>Did this process start a listed saga?</em> Its announcement precedes its row, and its row precedes the listing that reads it. A
/// drain after the listing therefore always reads the announcement. Without it, a saga that is announced, inserted and listed between
/// the first drain and the plan runs twice.
/// </para>
/// <para>
/// <em>Is a tracked saga that is missing from the listing finished?</em> Only if its row existed before the listing began. A drain before
/// the listing identifies those sagas. Without it, a running saga that started too late for the listing is forgotten, and recovered
/// while it runs.
/// </para>
/// <para>
/// <em>Did the database lose the end of a listed saga?</em> Only if its run had ended before the listing began. The first drain
/// identifies these sagas, too. See docs/decisions/0001-two-drains-and-start-leases.md.
/// </para>
/// </remarks>
public sealed class OpenedPass
{
    private readonly SagaTracker _tracker;
    private readonly Dictionary<SagaId, string> _names = []; // of the definitions of interrupted runs, which their reports lack
    private CandidateListing? _listing;
    private Step _step = Step.Opened;

    internal OpenedPass(SagaTracker tracker, PassStart start, long openingDrain, DrainedStarts drained)
    {
        _tracker = tracker;
        Start = start;
        OpeningDrain = openingDrain;
        OpeningStarts = drained;
    }

    private enum Step
    {
        Opened,
        Listing,
        Reconciled,
        Planned,
        Executing,
        Closed,
    }

    /// <summary>The number, the trigger and the start time of the pass.</summary>
    public PassStart Start { get; }

    /// <summary>The messages that the opening drain read.</summary>
    public DrainedStarts OpeningStarts { get; }

    /// <summary>The messages that the closing drain read; empty until the pass is reconciled or failed.</summary>
    public DrainedStarts ClosingStarts { get; private set; } = DrainedStarts.None;

    internal long OpeningDrain { get; }

    /// <summary>True if the plan is only reported.</summary>
    internal bool IsDryRun { get; init; }

    internal ResumeBasis Basis => new(ClosingDrain, Start.Iteration, Start.StartedAt);

    /// <summary>The number of the drain on which the plan is based; 0 until the pass is reconciled or failed.</summary>
    internal long ClosingDrain { get; private set; }

    /// <summary>Begins the listing of this pass.</summary>
    /// <remarks>The caller must fill it from the primary, with a query that begins after this call.</remarks>
    /// <exception cref="InvalidOperationException">The listing of this pass has already begun, or the pass has ended.</exception>
    public CandidateListing BeginListing()
    {
        Advance(Step.Opened, Step.Listing);
        return _listing = new CandidateListing(capacity: _tracker.Tracked + _tracker.WaitingForSlot) // a listing usually holds the known sagas
        {
            IsDryRun = IsDryRun,
        };
    }

    /// <summary>Drains the starts again and combines them with the complete listing.</summary>
    /// <param name="listing">The complete listing of this pass.</param>
    /// <param name="controls">The controls of the coordinator. They must have been read after this pass was opened.</param>
    /// <param name="now">The current time, which determines the sagas that are due.</param>
    /// <exception cref="InvalidOperationException">The listing belongs to another pass, or it has already been reconciled.</exception>
    public ReconciledListing Reconcile(CandidateListing listing, RecoveryControls controls, DateTimeOffset now)
    {
        if (!ReferenceEquals(listing, _listing))
        {
            throw new InvalidOperationException("This listing belongs to another pass. It may have begun before this pass drained the starts.");
        }

        Advance(Step.Listing, Step.Reconciled);
        listing.Close();
        (ClosingStarts, ClosingDrain) = _tracker.Drain(now);
        return new ReconciledListing(this, listing, controls, now);
    }

    /// <summary>Ends a pass that failed before its outcome began.</summary>
    /// <remarks>The starts are drained nevertheless, so that they do not accumulate.</remarks>
    /// <param name="error">The error that ended the pass.</param>
    /// <param name="now">The current time.</param>
    /// <exception cref="InvalidOperationException">The outcome has begun and must be completed instead, or the pass has ended.</exception>
    public PassReport Fail(string error, DateTimeOffset now)
    {
        if (_step >= Step.Executing)
        {
            throw OutOfOrder();
        }

        if (_step < Step.Reconciled)
        {
            (ClosingStarts, ClosingDrain) = _tracker.Drain(now);
        }

        _step = Step.Closed;
        _tracker.Close(this);
        return WithStarts(new PassReport(Start) { Duration = now - Start.StartedAt, Result = PassResult.Failed, Error = error });
    }

    /// <summary>Adds the counts of the two drains of this pass to a report, and the runs that they found interrupted to its failures.</summary>
    internal PassReport WithStarts(PassReport report)
    {
        InterruptedRun[] interrupted = [.. Interrupted];
        InterruptedRun[] failed = [.. interrupted.Where(run => !run.IsRequested)];
        return report with
        {
            ObservedStarts = OpeningStarts.Announced.Count + ClosingStarts.Announced.Count,
            Interrupted = interrupted.Length,
            FailedRuns = failed.Length,
            TakenBack = interrupted.Count(run => run.WasRecovered),
            TakenBackSagas = [.. interrupted.Where(run => run.WasRecovered).Select(run => run.SagaId)],
            ProtocolViolations = OpeningStarts.Violations.Count + ClosingStarts.Violations.Count,
            FailedSagas = [.. failed.Select(Describe).Concat(report.FailedSagas).TakeLast(RecoveryReport.HistoryLength)],
        };
    }

    internal RecoveryPlan MakePlan(CandidateListing listing, RecoveryControls controls, ExecutorCapacity? capacity, DateTimeOffset now)
    {
        Advance(Step.Reconciled, Step.Planned);
        RecoveryPlan plan = _tracker.MakePlan(this, listing, controls, capacity, now);
        foreach (InterruptedRun run in Interrupted)
        {
            _names[run.SagaId] = _tracker.NameOf(run.SagaId); // now: the saga may run again when the pass ends
        }

        return plan;
    }

    internal PassOutcome BeginOutcome(RecoveryPlan plan)
    {
        Advance(Step.Planned, Step.Executing);
        return new PassOutcome(_tracker, plan);
    }

    internal void EndOutcome()
    {
        Advance(Step.Executing, Step.Closed);
        _tracker.Close(this);
    }

    private void Advance(Step from, Step to)
    {
        if (_step != from)
        {
            throw OutOfOrder();
        }

        _step = to;
    }

    private IEnumerable<InterruptedRun> Interrupted => OpeningStarts.Interrupted.Concat(ClosingStarts.Interrupted);

    private FailedSaga Describe(InterruptedRun run) => new(run.At, run.SagaId, _names.GetValueOrDefault(run.SagaId, ""), $"interrupted: {run.Reason}");

    private InvalidOperationException OutOfOrder() => new(
        $"A pass runs each step once: open, list, reconcile, plan, outcome. This pass is at step '{_step}'.");
}

/// <summary>A complete listing combined with the starts drained after it.</summary>
/// <remarks>
/// It is a <c>ref struct</c> so that it cannot outlive an <c>await</c>. A plan that is made later would be based on outdated starts.
/// </remarks>
public readonly ref struct ReconciledListing
{
    private readonly OpenedPass _pass;
    private readonly CandidateListing _listing;
    private readonly RecoveryControls _controls;
    private readonly DateTimeOffset _now;

    internal ReconciledListing(OpenedPass pass, CandidateListing listing, RecoveryControls controls, DateTimeOffset now)
    {
        _pass = pass;
        _listing = listing;
        _controls = controls;
        _now = now;
    }

    /// <summary>Makes the plan of the pass, which puts each listed or tracked saga into its bucket.</summary>
    /// <param name="capacity">The numbers of sagas that the executor takes now; null for no limit. The other sagas to recover wait for a slot.</param>
    /// <exception cref="InvalidOperationException">The plan of this pass has already been made, or the pass has ended.</exception>
    public RecoveryPlan MakePlan(ExecutorCapacity? capacity = null) => _pass.MakePlan(_listing, _controls, capacity, _now);
}
