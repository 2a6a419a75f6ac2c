using SagaRecovery.Fencing;

namespace SagaRecovery.Status;

/// <summary>The state of this process as a coordinator.</summary>
/// <param name="Id">The configured id.</param>
/// <param name="Incarnation">The incarnation assigned by the join; null if the process has not joined yet.</param>
/// <param name="Fenced">The loss of the coordinator role to another join, after which this process cannot write; null if it holds the role.</param>
public sealed record CoordinatorStatus(CoordinatorId Id, Incarnation? Incarnation, FenceStatus? Fenced)
{
    /// <summary>
    /// The reason for which this process cannot work with its store, such as tables of an unknown version, and the advice that fits; null if it
    /// can, or if that is not known yet.
    /// </summary>
    public string? Incompatible { get; init; }

    /// <summary>The number of times this process rejoined because its database was failed over, restored or recreated.</summary>
    public int Rejoins { get; init; }
}

/// <summary>The loss of the coordinator role to another join.</summary>
/// <param name="By">The incarnation that holds the role now.</param>
/// <param name="At">The time at which this process detected the loss.</param>
public sealed record FenceStatus(Incarnation By, DateTimeOffset At);

/// <summary>The state and the history of recovery at one moment.</summary>
/// <remarks>Immutable and serialisable. The status text, the JSON and the metrics all derive from it.</remarks>
public sealed record RecoveryReport
{
    /// <summary>The maximum number of entries in each history.</summary>
    public const int HistoryLength = 128;

    /// <summary>The maximum number of sagas in <see cref="Waiting"/> and in <see cref="Held"/>.</summary>
    /// <remarks><see cref="WaitingCount"/> and <see cref="HeldCount"/> count all of them.</remarks>
    public const int WaitingShown = 128;

    /// <summary>The version of the schema. It rises when a field changes its meaning or is removed.</summary>
    /// <value>Default 1.</value>
    public int SchemaVersion { get; init; } = 1;

    /// <summary>The coordinator that this process runs as.</summary>
    public required CoordinatorStatus Coordinator { get; init; }

    /// <summary>The end of the previous process; null if there was none, or if it is not known yet.</summary>
    public PreviousProcess? Previous { get; init; }

    /// <summary>The pause of recovery; null if recovery is not paused.</summary>
    public RecoveryPause? Paused { get; init; }

    /// <summary>The configured interval between two passes.</summary>
    public required TimeSpan Period { get; init; }

    /// <summary>The pass that is in progress; null if none is.</summary>
    public PassStart? CurrentPass { get; init; }

    /// <summary>The last pass that ended; null if none has ended yet.</summary>
    public PassReport? LastPass { get; init; }

    /// <summary>The totals since the process started.</summary>
    public RecoveryTotals Totals { get; init; } = new();

    /// <summary>The number of sagas that may be running in this process, as of the last pass.</summary>
    public int Tracked { get; init; }

    /// <summary>The most recently recovered sagas, oldest first, at most <see cref="HistoryLength"/>.</summary>
    public IReadOnlyList<RecoveredSaga> RecentlyRecovered { get; init; } = [];

    /// <summary>The most recent recovery failures, oldest first, at most <see cref="HistoryLength"/>.</summary>
    public IReadOnlyList<FailedSaga> RecentFailures { get; init; } = [];

    /// <summary>The sagas in progress that this coordinator owns and does not run, the next tries first, at most <see cref="WaitingShown"/> of them.</summary>
    /// <remarks>If there are more, one of each unknown definition is shown, then those that fail again and again, then the next tries.</remarks>
    public IReadOnlyList<WaitingSaga> Waiting { get; init; } = [];

    /// <summary>The number of all waiting sagas.</summary>
    public int WaitingCount { get; init; }

    /// <summary>The number of all waiting sagas that fail again and again: see <see cref="ProcessProblems"/>.</summary>
    public int FailingCount { get; init; }

    /// <summary>The number of definitions of waiting sagas that this binary lacks.</summary>
    public int UnknownDefinitionCount { get; init; }

    /// <summary>The sagas that wait for a slot and are not loaded, by definition. They are not among <see cref="Waiting"/>.</summary>
    public IReadOnlyList<SlotBacklog> SlotBacklog { get; init; } = [];

    /// <summary>The number of sagas that wait for a slot and are not loaded: those of <see cref="SlotBacklog"/>.</summary>
    public int NotLoaded => SlotBacklog.Sum(backlog => backlog.Count);

    /// <summary>The number of sagas that the executor has accepted, and that wait in it for a slot; null if the executor does not report it.</summary>
    public int? QueuedInExecutor { get; init; }

    /// <summary>The number of all sagas of this process that wait for a slot: <see cref="NotLoaded"/> and <see cref="QueuedInExecutor"/>.</summary>
    public int WaitingForSlot => NotLoaded + (QueuedInExecutor ?? 0);

    /// <summary>The time since which some saga of this coordinator has been in progress without running; null if all run or wait for a slot.</summary>
    public DateTimeOffset? IdleSince { get; init; }

    /// <summary>The sagas that operators hold, at most <see cref="WaitingShown"/> of them.</summary>
    public IReadOnlyList<HeldSaga> Held { get; init; } = [];

    /// <summary>The number of all held sagas.</summary>
    public int HeldCount { get; init; }

    /// <summary>The heartbeats of this process; null if its store does not report them, or none was attempted yet.</summary>
    public HeartbeatReport? Heartbeat { get; init; }

    /// <summary>The stalled sagas; null if they have not been queried yet.</summary>
    public StalledSagas? Stalled { get; init; }

    /// <summary>The steps that are retried or do not end; null if they have not been checked yet.</summary>
    public StepReport? Steps { get; init; }

    /// <summary>The sagas in the whole store that no process will run; null if they have not been queried yet.</summary>
    public ClusterReport? Cluster { get; init; }

    /// <summary>The stuck and the abandoned sagas in the whole store; null if they have not been counted yet.</summary>
    public UnresolvedSagas? Unresolved { get; init; }

    /// <summary>The problems that deserve an operator's attention; null if they have not been queried yet.</summary>
    public ProblemList? Problems { get; init; }

    /// <summary>The state of retention; null if the store does not support it, or if it is not known yet.</summary>
    public RetentionReport? Retention { get; init; }

    /// <summary>The drain of this process; null if it is not draining.</summary>
    public DrainReport? Drain { get; init; }

    /// <summary>The most recent operator actions, oldest first.</summary>
    public IReadOnlyList<OperatorAction> RecentActions { get; init; } = [];

    /// <summary>The most recent passes, oldest first, without their lists of sagas.</summary>
    public IReadOnlyList<PassReport> RecentPasses { get; init; } = [];

    /// <summary>The number of consecutive failed passes, up to the last pass.</summary>
    public int FailedInARow => RecentPasses.Reverse().TakeWhile(pass => pass.Result == PassResult.Failed).Count();

    /// <summary>The time at which the first of the consecutive failed passes ended; null if the last pass did not fail, or if none has ended yet.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>The times for which the recovered sagas had not been running before they were recovered.</summary>
    public DurationHistogram TimeToRecover { get; init; } = DurationHistogram.Empty;

    /// <summary>Returns this report with other waiting sagas: the lists of those to show, and the numbers of all.</summary>
    /// <param name="waiting">All of them.</param>
    public RecoveryReport WithWaiting(IReadOnlyCollection<WaitingSaga> waiting)
    {
        var firstOf = new Dictionary<string, WaitingSaga>(StringComparer.Ordinal); // of each unknown definition
        int failing = 0;
        foreach (WaitingSaga saga in waiting)
        {
            if (ProcessProblems.IsFailing(saga))
            {
                failing++;
            }
            else if (saga.Kind is WaitingKind.UnknownDefinition && !(firstOf.TryGetValue(saga.Name, out WaitingSaga? first) && first.Since <= saga.Since))
            {
                firstOf[saga.Name] = saga;
            }
        }

        HashSet<SagaId> firsts = [.. firstOf.Values.Select(saga => saga.SagaId)];
        IEnumerable<WaitingSaga> shown = waiting
            .OrderByDescending(saga => firsts.Contains(saga.SagaId)).ThenByDescending(ProcessProblems.IsFailing).ThenBy(saga => saga.NextTry).ThenBy(saga => saga.SagaId)
            .Take(WaitingShown);
        return this with
        {
            Waiting = [.. shown.OrderBy(saga => saga.NextTry).ThenBy(saga => saga.SagaId)],
            WaitingCount = waiting.Count,
            FailingCount = failing,
            UnknownDefinitionCount = firstOf.Count,
        };
    }

    /// <summary>Returns this report updated with a pass that has ended.</summary>
    public RecoveryReport After(PassReport pass) => this with
    {
        CurrentPass = null,
        LastPass = pass,
        Totals = Totals.Plus(pass),
        RecentlyRecovered = Last(Without(RecentlyRecovered, pass.TakenBackSagas).Concat(pass.RecoveredSagas)),
        RecentFailures = Last(RecentFailures.Concat(pass.FailedSagas)),
        RecentPasses = Last(RecentPasses.Append(pass with { RecoveredSagas = [], FailedSagas = [], TakenBackSagas = [] })),
        FailingSince = pass.Result == PassResult.Failed ? FailingSince ?? (pass.Start.StartedAt + pass.Duration) : null,
        TimeToRecover = TimeToRecover.Plus(pass.TimeToRecover),
    };

    /// <summary>Returns this report updated with what a dry run has read: the starts, and the interrupted runs.</summary>
    public RecoveryReport AfterDryRun(PassReport dryRun) => this with
    {
        Totals = Totals.PlusStarts(dryRun),
        RecentlyRecovered = Last(Without(RecentlyRecovered, dryRun.TakenBackSagas)),
        RecentFailures = Last(RecentFailures.Concat(dryRun.FailedSagas)),
    };

    /// <summary>Returns this report updated with a refill that has ended.</summary>
    public RecoveryReport After(RefillReport refill) => this with
    {
        Totals = Totals.Plus(refill),
        RecentlyRecovered = Last(RecentlyRecovered.Concat(refill.RecoveredSagas)),
        RecentFailures = Last(RecentFailures.Concat(refill.FailedSagas)),
        TimeToRecover = TimeToRecover.Plus(refill.TimeToRecover),
    };

    /// <summary>Returns the recovered sagas without the last recovery of each saga that no longer counts as recovered.</summary>
    private static IEnumerable<RecoveredSaga> Without(IReadOnlyList<RecoveredSaga> recovered, IReadOnlyList<SagaId> takenBack)
    {
        if (takenBack.Count == 0)
        {
            return recovered;
        }

        HashSet<SagaId> left = [.. takenBack];
        return recovered.Reverse().Where(saga => !left.Remove(saga.SagaId)).Reverse();
    }

    private static T[] Last<T>(IEnumerable<T> items) => [.. items.TakeLast(HistoryLength)];
}
