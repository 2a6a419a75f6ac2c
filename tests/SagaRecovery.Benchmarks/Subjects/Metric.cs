namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>What the figures of a subject are called, with their units.</summary>
internal static class Metric
{
    /// <summary>What a subject is about: how long it took.</summary>
    public const string Seconds = "seconds";

    /// <summary>The processor's time of the subject's process, all threads together.</summary>
    public const string CpuSeconds = "cpuSeconds";

    public const string Rows = "rows";

    public const string AllocatedBytes = "allocatedBytes";

    /// <summary>The most that the managed heap held.</summary>
    public const string ManagedPeakBytes = "managedPeakBytes";

    /// <summary>The most memory that the process had while it was measured: its working set.</summary>
    public const string PeakBytes = "peakBytes";

    /// <summary>There where the size is not how many sagas there are, but how many of them run at a time.</summary>
    public const string SizeIsAtATime = "sizeIsAtATime";

    public const string FirstSeconds = "firstSeconds";

    public const string ThousandthSeconds = "thousandthSeconds";

    public const string TenThousandthSeconds = "tenThousandthSeconds";

    /// <summary>What one of the things that were repeated took at worst.</summary>
    public const string SlowestSeconds = "slowestSeconds";

    /// <summary>What nine in ten of the things that were repeated did not exceed.</summary>
    public const string NinetiethSeconds = "p90Seconds";

    /// <summary>What 99 in a hundred of them did not exceed.</summary>
    public const string NinetyNinthSeconds = "p99Seconds";

    /// <summary>The number of MultiXactIds that the server assigned meanwhile.</summary>
    public const string MultiXactIds = "multiXactIds";

    /// <summary>How many writes a second were committed beside what was measured.</summary>
    public const string WritesASecond = "writesASecond";

    /// <summary>What is held in memory when all is done.</summary>
    public const string HeldBytes = "heldBytes";

    /// <summary>Nodes that were completed, two durable events each.</summary>
    public const string Nodes = "nodes";
}
