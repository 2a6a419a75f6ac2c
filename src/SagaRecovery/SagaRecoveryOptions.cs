namespace SagaRecovery;

/// <summary>
/// How recovery behaves; bound from the configuration section <see cref="SectionName"/> and validated when the host starts.
/// </summary>
public sealed class SagaRecoveryOptions
{
    /// <summary><c>SagaRecovery</c>.</summary>
    public const string SectionName = "SagaRecovery";

    /// <summary>Which coordinator this process is. Stable over its restarts, and used by one process at a time. Required.</summary>
    public Guid CoordinatorId { get; set; }

    /// <summary>The time from the end of one pass to the next where nothing else asks for one. Default 10 min.</summary>
    public TimeSpan Period { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How many sagas are handed to the executor side by side. Default 16.</summary>
    public int MaxConcurrency { get; set; } = 16;

    /// <summary>How many sagas one query of the listing returns. Default 20,000.</summary>
    public int ListPageSize { get; set; } = 20_000;

    /// <summary>How many sagas are loaded, with their logs, by one query: it bounds the memory of a pass. Default 500.</summary>
    public int LoadBatchSize { get; set; } = 500;

    /// <summary>How long the executor may take over one hand-over before it counts as failed. Default 30 s.</summary>
    public TimeSpan ResumeTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a pass that fails waits before it is tried again, the first time; doubles up to 30 s, or <see cref="Period"/>. Default 1 s.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a saga whose hand-over failed waits, the first time; doubles. Default 1 s.</summary>
    public TimeSpan FirstBackoff { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a saga that keeps failing waits at most. Default 10 min.</summary>
    public TimeSpan LongestBackoff { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How many unread starts wake a pass, so that the queue stays short between periods. Default 10,000.</summary>
    public int MaxUnreadStarts { get; set; } = 10_000;

    /// <summary>
    /// How long the process must live after it has handed sagas over for them to be past suspicion of killing it. Should it die sooner,
    /// they are recovered last, in small groups. Default 5 s.
    /// </summary>
    public TimeSpan Probation { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How often the process may die within <see cref="Probation"/> of handing over one saga alone before that saga is held; 0: nothing
    /// is ever suspected. Default 3.
    /// </summary>
    public int HoldAfterCrashes { get; set; } = 3;

    /// <summary>
    /// Whether recovery after a crash begins with one saga and goes on with eight times as many after each <see cref="Probation"/>.
    /// Default false: all at once.
    /// </summary>
    public bool Canary { get; set; }

    /// <summary>How long a saga may go without a new event before it is reported as not progressing. Default 15 min.</summary>
    public TimeSpan StalledAfter { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>The same for single definitions, by name; empty: none.</summary>
    public Dictionary<string, TimeSpan> StalledAfterByDefinition { get; } = new(StringComparer.Ordinal);

    /// <summary>The time between two looks for sagas that do not progress. Default 1 min.</summary>
    public TimeSpan StalledCheckPeriod { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The time between two signs of life in the database. Default 5 s, at most 7.5 s; a coordinator that is silent for 15 s does not answer.</summary>
    public TimeSpan HeartbeatPeriod { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long another coordinator must have been silent, watched by this one without a gap, before its unfinished sagas are given to
    /// those that answer. At least three <see cref="HeartbeatPeriod"/>. Default null: nothing is taken over; <c>ReassignAsync</c> does so.
    /// </summary>
    public TimeSpan? TakeOverAfter { get; set; }

    /// <summary>
    /// How long sagas may run on at shutdown, with no new ones started; what is not finished then is given to the other coordinators.
    /// Must be less than the host's shutdown time-out. Default null: sagas stop where they are, and go on at the next start.
    /// </summary>
    public TimeSpan? DrainFor { get; set; }

    /// <summary>Whether a saga that is proven corrupt is abandoned; if not, it counts as failed and is tried again. Default true.</summary>
    public bool AbandonUnrecoverable { get; set; } = true;
}
