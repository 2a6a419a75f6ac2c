using SagaRecovery.Fencing;

namespace SagaRecovery.Status;

/// <summary>Where this process stands as a coordinator.</summary>
/// <param name="Id">The configured id.</param>
/// <param name="Incarnation">The number it was given when it joined; null: it has not joined yet.</param>
/// <param name="Fenced">Set when a newer process has joined under the id: this one writes nothing any more.</param>
public sealed record CoordinatorStatus(CoordinatorId Id, Incarnation? Incarnation, FenceStatus? Fenced)
{
    /// <summary>How often this process has joined again, because its database was failed over, restored or started anew.</summary>
    public int Rejoins { get; init; }
}

/// <summary>How a process learned that it is no longer the coordinator.</summary>
/// <param name="By">The incarnation that took over.</param>
/// <param name="At">When this process learned of it.</param>
public sealed record FenceStatus(Incarnation By, DateTimeOffset At);

/// <summary>
/// All that recovery did and knows, as of one moment: immutable, serialisable, and the one source of status text, JSON and metrics.
/// </summary>
public sealed record RecoveryReport
{
    /// <summary>How many entries each history holds.</summary>
    public const int HistoryLength = 128;

    /// <summary>How many waiting sagas are named; <see cref="WaitingCount"/> counts all.</summary>
    public const int WaitingShown = 128;

    /// <summary>Rises when a field changes its meaning or goes away.</summary>
    public int SchemaVersion { get; init; } = 1;

    /// <summary>Who we are.</summary>
    public required CoordinatorStatus Coordinator { get; init; }

    /// <summary>How the process before this one ended; null: there was none, or nothing is known of it yet.</summary>
    public PreviousProcess? Previous { get; init; }

    /// <summary>The pause that keeps every saga from being handed over; null: recovery is not paused.</summary>
    public RecoveryPause? Paused { get; init; }

    /// <summary>The configured time between passes.</summary>
    public required TimeSpan Period { get; init; }

    /// <summary>The pass that is under way; null: none.</summary>
    public PassStart? CurrentPass { get; init; }

    /// <summary>The pass that ended last; null: none yet.</summary>
    public PassReport? LastPass { get; init; }

    /// <summary>Sums since the process started.</summary>
    public RecoveryTotals Totals { get; init; } = new();

    /// <summary>Sagas that may be running in this process, after the last pass.</summary>
    public int Tracked { get; init; }

    /// <summary>The sagas recovered last, oldest first.</summary>
    public IReadOnlyList<RecoveredSaga> RecentlyRecovered { get; init; } = [];

    /// <summary>The failures seen last, oldest first.</summary>
    public IReadOnlyList<FailedSaga> RecentFailures { get; init; } = [];

    /// <summary>Sagas in progress and ours that are not running here, at most <see cref="WaitingShown"/> of them.</summary>
    public IReadOnlyList<WaitingSaga> Waiting { get; init; } = [];

    /// <summary>How many sagas wait in all.</summary>
    public int WaitingCount { get; init; }

    /// <summary>Since when some saga in progress and ours has been run by nobody; null: all run.</summary>
    public DateTimeOffset? IdleSince { get; init; }

    /// <summary>Sagas that are kept from being handed over, at most <see cref="WaitingShown"/> of them.</summary>
    public IReadOnlyList<HeldSaga> Held { get; init; } = [];

    /// <summary>How many are held in all.</summary>
    public int HeldCount { get; init; }

    /// <summary>Sagas without a new event for too long; null: nobody has looked yet.</summary>
    public StalledSagas? Stalled { get; init; }

    /// <summary>Sagas on the whole store that nobody is going to run; null: nobody has looked yet.</summary>
    public ClusterReport? Cluster { get; init; }

    /// <summary>That this process takes no new work, and how far it has come; null: it is not draining.</summary>
    public DrainReport? Drain { get; init; }

    /// <summary>The levers pulled last, oldest first.</summary>
    public IReadOnlyList<OperatorAction> RecentActions { get; init; } = [];

    /// <summary>The passes that ended last, oldest first, without their lists of sagas.</summary>
    public IReadOnlyList<PassReport> RecentPasses { get; init; } = [];

    /// <summary>How many passes have failed in a row, up to the last one.</summary>
    public int FailedInARow => RecentPasses.Reverse().TakeWhile(pass => pass.Result == PassResult.Failed).Count();

    /// <summary>For how long nobody had run each saga that was recovered.</summary>
    public DurationHistogram TimeToRecover { get; init; } = DurationHistogram.Empty;

    /// <summary>This report once one more pass has ended.</summary>
    public RecoveryReport After(PassReport pass) => this with
    {
        CurrentPass = null,
        LastPass = pass,
        Totals = Totals.Plus(pass),
        RecentlyRecovered = Last(RecentlyRecovered.Concat(pass.RecoveredSagas)),
        RecentFailures = Last(RecentFailures.Concat(pass.FailedSagas)),
        RecentPasses = Last(RecentPasses.Append(pass with { RecoveredSagas = [], FailedSagas = [] })),
        TimeToRecover = TimeToRecover.Plus(pass.TimeToRecover),
    };

    private static T[] Last<T>(IEnumerable<T> items) => [.. items.TakeLast(HistoryLength)];
}
