namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The names of the figures of a subject, with their units.</summary>
internal static class Metric
{
    /// <summary>The main figure of a subject: its duration.</summary>
    public const string Seconds = "seconds";

    /// <summary>The processor's time of the subject's process, all threads together.</summary>
    public const string CpuSeconds = "cpuSeconds";

    public const string Rows = "rows";

    public const string AllocatedBytes = "allocatedBytes";

    /// <summary>The peak size of the managed heap.</summary>
    public const string ManagedPeakBytes = "managedPeakBytes";

    /// <summary>The peak working set of the process during the measurement.</summary>
    public const string PeakBytes = "peakBytes";

    /// <summary>Present where the size is the number of concurrent sagas, not the number of sagas.</summary>
    public const string SizeIsAtATime = "sizeIsAtATime";

    public const string FirstSeconds = "firstSeconds";

    public const string ThousandthSeconds = "thousandthSeconds";

    public const string TenThousandthSeconds = "tenThousandthSeconds";

    /// <summary>The longest duration of one repetition.</summary>
    public const string SlowestSeconds = "slowestSeconds";

    /// <summary>The duration that nine in ten repetitions did not exceed.</summary>
    public const string NinetiethSeconds = "p90Seconds";

    /// <summary>The duration that 99 in a hundred repetitions did not exceed.</summary>
    public const string NinetyNinthSeconds = "p99Seconds";

    /// <summary>The number of MultiXactIds that the server assigned meanwhile.</summary>
    public const string MultiXactIds = "multiXactIds";

    /// <summary>The number of writes per second that were committed beside the measured operation.</summary>
    public const string WritesASecond = "writesASecond";

    /// <summary>The memory in use at the end.</summary>
    public const string HeldBytes = "heldBytes";

    /// <summary>The working set of the process before the measurement, warm and without sagas.</summary>
    public const string IdleBytes = "idleBytes";

    /// <summary>The time until the first pass had listed the sagas.</summary>
    public const string ListedSeconds = "listedSeconds";

    /// <summary>The number of statements per second that the server executed for the process.</summary>
    public const string StatementsASecond = "statementsASecond";

    /// <summary>The bytes that one pass allocates.</summary>
    public const string BytesAPass = "bytesAPass";

    /// <summary>The bytes that one heartbeat allocates.</summary>
    public const string BytesAHeartbeat = "bytesAHeartbeat";

    /// <summary>Nodes that were completed, two durable events each.</summary>
    public const string Nodes = "nodes";

    /// <summary>The time until a library was started, without the jobs that it recovers.</summary>
    public const string OpenedSeconds = "openedSeconds";

    /// <summary>Jobs that did not enter user code again before the deadline.</summary>
    public const string NotEntered = "notEntered";

    /// <summary>Jobs that entered user code more than once in the process after the kill.</summary>
    public const string EnteredTwice = "enteredTwice";

    /// <summary>Jobs whose first step ran again, although the store had its end.</summary>
    public const string FirstStepsAgain = "firstStepsAgain";

    /// <summary>The executions per second of one statement, by its beginning.</summary>
    public static string StatementsASecondOf(string statement) => $"{StatementsASecond}: {statement}";
}
