using System.Globalization;
using SagaRecovery.Status;

namespace SagaRecovery.Operations;

/// <summary>Adds up the responses to the requests of one purge, and words the sum. Pure.</summary>
internal static class PurgeTotals
{
    private const int MaxNames = 5;

    /// <summary>Adds a later response to the sum of the earlier ones.</summary>
    public static PurgeResponse Plus(this PurgeResponse sum, PurgeResponse later) => later with
    {
        Counts = Merge(sum.Counts.Concat(later.Counts)),
        Deleted = sum.Deleted + later.Deleted,
        Archived = sum.Archived + later.Archived,
    };

    /// <summary>Adds up the counts of each definition and state.</summary>
    public static IReadOnlyList<PurgeCount> Merge(IEnumerable<PurgeCount> counts) =>
    [
        .. counts
            .GroupBy(count => (count.Definition, count.State))
            .OrderBy(same => same.Key.Definition, StringComparer.Ordinal)
            .ThenBy(same => same.Key.State)
            .Select(same => new PurgeCount(
                same.Key.Definition, same.Key.State, same.Sum(one => one.Sagas), same.Sum(one => one.Bytes), same.Min(one => one.Oldest))),
    ];

    /// <summary>Words the sum of a purge that is complete.</summary>
    public static string Describe(PurgeResponse sum, bool deletes) => Progress(sum, deletes) + Kept(sum.KeptDefinitions);

    /// <summary>Words the sum so far.</summary>
    public static string Progress(PurgeResponse sum, bool deletes) => deletes
        ? string.Create(CultureInfo.InvariantCulture, $"purge: deleted {PlainText.Count(sum.Deleted, "saga")}{(sum.Archived > 0 ? $", exported {sum.Archived:N0} before" : "")}")
        : string.Create(CultureInfo.InvariantCulture, $"purge: would delete {PlainText.Count(sum.Counts.Sum(one => one.Sagas), "saga")}, {sum.Counts.Sum(one => one.Bytes) / 1e6:N1} MB");

    private static string Kept(IReadOnlyList<string> names)
    {
        if (names.Count == 0)
        {
            return "";
        }

        string rest = names.Count > MaxNames ? string.Create(CultureInfo.InvariantCulture, $" and {names.Count - MaxNames:N0} more") : "";
        return $"; left out, because the settings keep them: {string.Join(", ", names.Take(MaxNames).Select(name => PlainText.OneLine(name, longest: 80)))}{rest}";
    }
}
