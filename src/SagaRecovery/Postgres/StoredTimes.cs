namespace SagaRecovery.Postgres;

/// <summary>
/// The times that Postgres can store and .NET cannot represent: infinity, and years before 1 or after 9999. Recovery writes none. A row that has one
/// reads as the nearest time, so that it fails neither a pass nor a list, and lists name the fault.
/// </summary>
internal static class StoredTimes
{
    private const string Earliest = "'0001-01-01 00:00:00+00'::timestamptz";
    private const string Latest = "'9999-12-31 23:59:59.999999+00'::timestamptz";

    private static readonly long s_epoch = new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

    /// <summary>Returns the expression for a time, or for the nearest one that .NET can represent. A null stays one.</summary>
    public static string Nearest(string time) => $"case when {time} is not null then greatest(least({time}, {Latest}), {Earliest}) end";

    /// <summary>Returns the expression for the faults of some times, as a text for operators; null if there are none.</summary>
    public static string FaultsOf(params (string Time, string Name)[] times) => $"nullif(concat_ws('; ', {string.Join(", ", times.Select(one =>
        $"case when {one.Time} not between {Earliest} and {Latest} then '{one.Name} is ' || {one.Time}::text end"))}), '')";

    /// <summary>Converts a time as Postgres sends it, or returns the nearest one.</summary>
    /// <param name="microseconds">The microseconds since 2000. Infinity is the first or last value of the type.</param>
    public static DateTimeOffset FromStored(long microseconds) =>
        microseconds < (DateTime.MinValue.Ticks - s_epoch) / TimeSpan.TicksPerMicrosecond ? DateTimeOffset.MinValue
        : microseconds > (DateTime.MaxValue.Ticks - s_epoch) / TimeSpan.TicksPerMicrosecond ? DateTimeOffset.MaxValue
        : new DateTimeOffset(s_epoch + (microseconds * TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    /// <summary>Joins the faults of a row; null if there are none.</summary>
    public static string? Join(params IEnumerable<string?> faults) => string.Join("; ", faults.Where(fault => fault is not null)) is { Length: > 0 } all ? all : null;
}
