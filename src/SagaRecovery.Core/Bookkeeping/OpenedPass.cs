using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>What one drain of the starts showed, for the log.</summary>
/// <param name="Announced">Sagas whose start was announced.</param>
/// <param name="Interrupted">Sagas whose executor stopped running them without finishing them.</param>
/// <param name="Violations">Sagas that were inserted before they were announced: the caller broke the protocol.</param>
public sealed record DrainedStarts(
    IReadOnlyList<SagaId> Announced,
    IReadOnlyList<SagaId> Interrupted,
    IReadOnlyList<SagaId> Violations)
{
    internal static DrainedStarts None { get; } = new([], [], []);

    internal DrainedStarts Plus(DrainedStarts later) => ReferenceEquals(this, None)
        ? later
        : new([.. Announced, .. later.Announced], [.. Interrupted, .. later.Interrupted], [.. Violations, .. later.Violations]);
}

/// <summary>
/// A pass whose opening drain has been done, by <see cref="SagaTracker.OpenPass"/>. From here it goes one way only: a listing, its
/// reconciliation, a plan, an outcome. Whatever comes out of order throws. Not thread-safe.
/// </summary>
/// <remarks>
/// Why two drains. <em>Is a listed saga one that this process started?</em> Its announcement came before its row, and its row before
/// the listing that read it: a drain after the listing is certain to see it. <em>Is a tracked saga that is missing from the listing
/// finished?</em> Only if its row was there before the listing began: a drain before the listing tells which were. Leave out the
/// second, and a saga announced, inserted and listed in between runs twice. Leave out the first, and a running saga that the listing
/// was too early for is forgotten, and recovered while it runs. <em>Has the database lost the end of a saga that is listed?</em> Only if
/// its run had ended before the listing began: again the first drain tells. See docs/decisions/0001-two-drains-and-start-leases.md.
/// </remarks>
public sealed class OpenedPass
{
    private readonly SagaTracker _tracker;
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

    /// <summary>Which pass this is, why and when it began.</summary>
    public PassStart Start { get; }

    /// <summary>What the opening drain showed.</summary>
    public DrainedStarts OpeningStarts { get; }

    /// <summary>What the closing drain showed; empty until the pass is reconciled or failed.</summary>
    public DrainedStarts ClosingStarts { get; private set; } = DrainedStarts.None;

    internal long OpeningDrain { get; }

    /// <summary>The drain on which the plan is made; 0 until the pass is reconciled or failed.</summary>
    internal long ClosingDrain { get; private set; }

    /// <summary>A listing to be filled from the primary. Its query must begin after this call.</summary>
    /// <exception cref="InvalidOperationException">This pass has asked for its listing already.</exception>
    public CandidateListing BeginListing()
    {
        Advance(Step.Opened, Step.Listing);
        return _listing = new CandidateListing(expected: _tracker.Tracked); // as a rule it holds what runs here
    }

    /// <summary>Drains the starts again and joins them with a complete listing.</summary>
    /// <param name="listing">This pass's listing, complete.</param>
    /// <param name="controls">What operators have asked for, read since this pass was opened.</param>
    /// <param name="now">The present time: it decides which sagas are due.</param>
    /// <exception cref="InvalidOperationException">It is not this pass's listing, or it has been reconciled before.</exception>
    public ReconciledListing Reconcile(CandidateListing listing, RecoveryControls controls, DateTimeOffset now)
    {
        if (!ReferenceEquals(listing, _listing))
        {
            throw new InvalidOperationException("This listing belongs to another pass: it may have begun before this pass drained the starts.");
        }

        Advance(Step.Listing, Step.Reconciled);
        listing.Spend();
        (ClosingStarts, ClosingDrain) = _tracker.Drain(now);
        return new ReconciledListing(this, listing, controls, now);
    }

    /// <summary>Ends a pass that came to no outcome. Drains all the same, so that the starts do not pile up.</summary>
    /// <param name="error">What went wrong.</param>
    /// <param name="now">The present time.</param>
    /// <exception cref="InvalidOperationException">Its outcome has begun, which then is what ends it; or it is over.</exception>
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

    /// <summary>Adds to a report what the two drains of this pass read.</summary>
    internal PassReport WithStarts(PassReport report) => report with
    {
        ObservedStarts = OpeningStarts.Announced.Count + ClosingStarts.Announced.Count,
        Interrupted = OpeningStarts.Interrupted.Count + ClosingStarts.Interrupted.Count,
        ProtocolViolations = OpeningStarts.Violations.Count + ClosingStarts.Violations.Count,
    };

    internal RecoveryPlan MakePlan(CandidateListing listing, RecoveryControls controls, DateTimeOffset now)
    {
        Advance(Step.Reconciled, Step.Planned);
        return _tracker.MakePlan(this, listing, controls, now);
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

    private InvalidOperationException OutOfOrder() => new(
        $"A pass goes open, list, reconcile, plan, outcome, each once; this one is at '{_step}'.");
}

/// <summary>
/// A complete listing and the starts drained after it. A <c>ref struct</c>, so that it cannot outlive an <c>await</c>: what is planned
/// later than this would be planned on starts that are no longer the last.
/// </summary>
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

    /// <summary>Puts every saga that is listed or tracked into its bucket.</summary>
    /// <exception cref="InvalidOperationException">A plan has been made of it before.</exception>
    public RecoveryPlan MakePlan() => _pass.MakePlan(_listing, _controls, _now);
}
