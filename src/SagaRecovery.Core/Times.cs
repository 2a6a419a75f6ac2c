namespace SagaRecovery;

/// <summary>Compares durations and times. <see cref="Math"/> has no overloads for them.</summary>
internal static class Times
{
    /// <summary>Returns the longer of two durations.</summary>
    public static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;

    /// <summary>Returns the shorter of two durations.</summary>
    public static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    /// <summary>Returns the later of two times.</summary>
    public static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;
}
