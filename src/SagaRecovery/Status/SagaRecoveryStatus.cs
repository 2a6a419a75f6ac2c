using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Timing;

namespace SagaRecovery.Status;

/// <summary>The status of recovery in this process, for health checks, pages and logs.</summary>
/// <remarks>Each report is an immutable snapshot. A singleton; thread-safe.</remarks>
public sealed class SagaRecoveryStatus
{
    private readonly Lock _lock = new();
    private readonly SagaCoordinator _coordinator;
    private readonly TimeProvider _time;
    private volatile RecoveryReport _report;

    /// <summary>Initializes the status of a process that has not run a pass.</summary>
    /// <param name="coordinator">The coordinator that this process acts as.</param>
    /// <param name="options">The options with the period of passes.</param>
    /// <param name="time">The clock.</param>
    public SagaRecoveryStatus(SagaCoordinator coordinator, IOptions<SagaRecoveryOptions> options, TimeProvider time)
    {
        _coordinator = coordinator;
        _time = time;
        Loop = new LoopProgress(time);
        _report = new RecoveryReport { Coordinator = coordinator.Status, Period = options.Value.Period };
    }

    /// <summary>The present report.</summary>
    public RecoveryReport Current => _report with { Coordinator = _coordinator.Status, QueuedInExecutor = Executor?.Queued };

    /// <summary>The present time on the clock of the reports. Ages of their times are differences to it.</summary>
    /// <remarks>
    /// That clock shows the wall clock as it was when recovery was created, and the time that has passed since. A wall clock that is set later
    /// changes neither the reports nor the decisions of this process.
    /// </remarks>
    public DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>The time since the recovery loop last made progress.</summary>
    /// <value>Null before the loop begins, and after it has stopped with its host.</value>
    /// <remarks>
    /// An idle loop makes progress every 5 seconds. During a pass, the value is bounded by one answer of the store or of the executor, however
    /// many sagas the pass has.
    /// </remarks>
    public TimeSpan? SinceProgress => Loop.Silence;

    /// <summary>The executor, whose queue is read when the report is; null until recovery has been created.</summary>
    /// <remarks>Not a parameter of the constructor: the executor of a user may need the status.</remarks>
    internal ISagaExecutor? Executor { get; set; }

    /// <summary>The progress of the recovery loop.</summary>
    internal LoopProgress Loop { get; }

    /// <summary>Renders the present report as text for a terminal.</summary>
    public string RenderText() => RecoveryReportText.Render(Current, Now);

    internal void PassBegan(PassStart start) => Update(report => report with { CurrentPass = start });

    internal void PassEnded(PassReport pass, SagaTracker tracker, RecoveryControls controls) =>
        Update(report => WithProblems(With(With(report.After(pass), controls), tracker)));

    /// <summary>Adds a refill. The list of the sagas that do not run may be long, so it is read only if the refill has added one.</summary>
    internal void RefillEnded(RefillReport refill, SagaTracker tracker) => Update(report => refill.Failed + refill.UnknownDefinition > 0
        ? With(report.After(refill), tracker)
        : report.After(refill) with { Tracked = tracker.Tracked, SlotBacklog = tracker.SlotBacklog });

    /// <summary>Counts the starts and the interrupted runs that a dry run read. A dry run changes nothing else in the report.</summary>
    internal void DryRunEnded(PassReport pass) => Update(report => report.AfterDryRun(pass));

    internal void SetPrevious(PreviousProcess previous) => Update(report => report with { Previous = previous });

    internal void Update(StalledSagas stalled) => Update(report => report with { Stalled = stalled });

    internal void Update(StepReport steps) => Update(report => report with { Steps = steps });

    internal void Update(ClusterReport cluster) => Update(report => report with { Cluster = cluster });

    internal void Update(ProblemList problems) => Update(report => report with { Problems = problems.After(report.Problems) });

    /// <summary>Updates the problems that only this process knows. They must not wait for the store, which may be away.</summary>
    private RecoveryReport WithProblems(RecoveryReport report)
    {
        IReadOnlyList<Problem> ofProcess = ProcessProblems.Of(report);
        ProblemList? list = report.Problems?.With(ofProcess) ?? (ofProcess.Count == 0 ? null : ProblemList.Of(Now, ofProcess, []));
        return report with { Problems = list is null ? null : ProcessProblems.CountAll(list, report) };
    }

    internal void Update(UnresolvedSagas? unresolved) => Update(report => report with { Unresolved = unresolved });

    internal void Update(RetentionReport retention) => Update(report => report with { Retention = retention });

    internal void Update(HeartbeatReport heartbeat) => Update(report => report with { Heartbeat = heartbeat });

    internal void Update(DrainReport drain) => Update(report => report with { Drain = drain });

    internal void Update(RecoveryControls controls) => Update(report => With(report, controls));

    private static RecoveryReport With(RecoveryReport report, SagaTracker tracker) => report.WithWaiting(tracker.Waiting) with
    {
        Tracked = tracker.Tracked,
        IdleSince = tracker.IdleSince,
        SlotBacklog = tracker.SlotBacklog,
    };

    private static RecoveryReport With(RecoveryReport report, RecoveryControls controls) => report with
    {
        Paused = controls.Paused,
        Held = [.. controls.Held.Take(RecoveryReport.WaitingShown)],
        HeldCount = controls.Held.Count,
        RecentActions = controls.RecentActions,
    };

    private void Update(Func<RecoveryReport, RecoveryReport> change)
    {
        lock (_lock)
        {
            _report = change(_report);
        }
    }
}
