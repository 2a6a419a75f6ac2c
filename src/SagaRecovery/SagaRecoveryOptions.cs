namespace SagaRecovery;

/// <summary>The settings of saga recovery, bound from the configuration section <see cref="SectionName"/>.</summary>
/// <remarks>The host validates them when it starts, and fails to start if one of them is out of range.</remarks>
public sealed class SagaRecoveryOptions
{
    /// <summary>The name of the configuration section: <c>SagaRecovery</c>.</summary>
    public const string SectionName = "SagaRecovery";

    /// <summary>The settings that are durations; see <see cref="DurationFormatValidator{TOptions}"/>.</summary>
    internal static IReadOnlyList<string> Durations { get; } =
    [
        nameof(Period), nameof(ResumeTimeout), nameof(RetryDelay), nameof(FirstBackoff), nameof(LongestBackoff), nameof(Probation),
        nameof(StalledAfter), nameof(StalledCheckPeriod), nameof(HeartbeatPeriod), nameof(TakeOverAfter), nameof(DrainFor),
        $"{nameof(StalledAfterByDefinition)}:*",
    ];

    /// <summary>The id of the coordinator that this process acts as.</summary>
    /// <value>
    /// A UUID, or in configuration a name such as that of the pod, from which <see cref="SagaRecovery.CoordinatorId.FromName"/> makes one.
    /// Required.
    /// </value>
    /// <remarks>
    /// Give each process an id of its own and keep it the same across restarts: a process recovers the sagas of its id. If two processes
    /// use one id, the one that joins last fences the other out.
    /// </remarks>
    public CoordinatorId CoordinatorId { get; set; }

    /// <summary>The time from the end of one pass to the start of the next, if nothing requests a pass earlier.</summary>
    /// <value>More than zero, up to 49 days. The default is 10 minutes.</value>
    public TimeSpan Period { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>The maximum number of sagas that a pass resumes in parallel.</summary>
    /// <value>At least 1. The default is 16.</value>
    /// <remarks>It limits calls of <c>ISagaExecutor.ResumeAsync</c>, not the sagas that run afterwards.</remarks>
    public int MaxConcurrency { get; set; } = 16;

    /// <summary>The maximum number of sagas that one listing query returns.</summary>
    /// <value>At least 1. The default is 20,000.</value>
    public int ListPageSize { get; set; } = 20_000;

    /// <summary>The maximum number of sagas that one query loads together with their logs.</summary>
    /// <value>At least 1. The default is 500.</value>
    /// <remarks>It bounds the memory of a pass.</remarks>
    public int LoadBatchSize { get; set; } = 500;

    /// <summary>The time that the executor has to accept one saga before the attempt counts as failed.</summary>
    /// <value>More than zero, up to 49 days. The default is 30 seconds.</value>
    /// <remarks>The requests of a pass to relinquish, cancel or stop sagas have this time together.</remarks>
    public TimeSpan ResumeTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The delay before a failed pass is retried for the first time.</summary>
    /// <value>More than zero, up to 49 days. The default is 1 second.</value>
    /// <remarks>
    /// The delay doubles with each failure in a row, up to 30 seconds. A longer first delay stays as it is. No delay exceeds
    /// <see cref="Period"/>.
    /// </remarks>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The delay before a saga that failed to resume is retried for the first time.</summary>
    /// <value>More than zero, up to 49 days, and at most <see cref="LongestBackoff"/>. The default is 1 second.</value>
    /// <remarks>The delay doubles with each failure in a row.</remarks>
    public TimeSpan FirstBackoff { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest delay between two attempts to resume a saga that keeps failing.</summary>
    /// <value>At least <see cref="FirstBackoff"/>, up to 49 days. The default is 10 minutes.</value>
    public TimeSpan LongestBackoff { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>The number of unread starts at which a pass is requested.</summary>
    /// <value>At least 1. The default is 10,000.</value>
    /// <remarks>It keeps the queue of starts short between two periodic passes.</remarks>
    public int MaxUnreadStarts { get; set; } = 10_000;

    /// <summary>The time that the process must survive after it resumed sagas before they are cleared of suspicion.</summary>
    /// <value>More than zero, up to 49 days. The default is 5 seconds.</value>
    /// <remarks>If the process dies earlier, its next incarnation resumes those sagas last and in small groups.</remarks>
    public TimeSpan Probation { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The number of crashes, each with one saga alone in <see cref="Probation"/>, after which that saga is held.</summary>
    /// <value>At least 0. The default is 3. With 0 no saga is ever suspected or held.</value>
    public int HoldAfterCrashes { get; set; } = 3;

    /// <summary>A value indicating whether recovery after a crash begins with a single saga.</summary>
    /// <value>The default is <see langword="false"/>: all sagas are resumed at once.</value>
    /// <remarks>After each <see cref="Probation"/> that the process survives, eight times as many sagas follow.</remarks>
    public bool Canary { get; set; }

    /// <summary>The time without a new event after which a saga is reported as stalled.</summary>
    /// <value>More than zero, up to 49 days. The default is 15 minutes.</value>
    public TimeSpan StalledAfter { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>The overrides of <see cref="StalledAfter"/> for single definitions, by definition name.</summary>
    /// <value>Each more than zero, up to 49 days. The default is empty. Names are case-sensitive.</value>
    public Dictionary<string, TimeSpan> StalledAfterByDefinition { get; } = new(StringComparer.Ordinal);

    /// <summary>The interval between two checks for stalled sagas.</summary>
    /// <value>More than zero, up to 49 days. The default is 1 minute.</value>
    public TimeSpan StalledCheckPeriod { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The interval between two heartbeats that this process writes to the database.</summary>
    /// <value>More than zero, up to 7.5 seconds. The default is 5 seconds.</value>
    /// <remarks>A coordinator without a heartbeat for 15 seconds counts as not answering.</remarks>
    public TimeSpan HeartbeatPeriod { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The time without a heartbeat after which this process takes over the unfinished sagas of another coordinator.</summary>
    /// <value>
    /// At least three times <see cref="HeartbeatPeriod"/>. The default is <see langword="null"/>: sagas are not taken over automatically.
    /// </value>
    /// <remarks>
    /// This process must have watched the silence without a gap. The sagas go to the coordinators that answer. Without a take-over an
    /// operator can move them with <c>ReassignAsync</c>.
    /// </remarks>
    public TimeSpan? TakeOverAfter { get; set; }

    /// <summary>The time that running sagas have to finish when the host shuts down.</summary>
    /// <value>
    /// At least zero, and less than the host's shutdown timeout. The default is <see langword="null"/>: sagas stop where they are, and
    /// resume at the next start.
    /// </value>
    /// <remarks>During that time no new sagas start. Afterwards the unfinished sagas are reassigned to the other coordinators.</remarks>
    public TimeSpan? DrainFor { get; set; }

    /// <summary>A value indicating whether a saga that is proven corrupt is abandoned.</summary>
    /// <value>The default is <see langword="true"/>. If <see langword="false"/>, the saga counts as failed and is retried.</value>
    public bool AbandonUnrecoverable { get; set; } = true;
}
