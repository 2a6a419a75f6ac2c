namespace SagaRecovery.Cli.Output;

/// <summary>Decides which columns of a table a terminal shows, and how wide. Pure.</summary>
internal static class SheetLayout
{
    /// <summary>The number of spaces between two columns.</summary>
    public const int Gap = 2;

    /// <summary>Fits columns into a width.</summary>
    /// <remarks>
    /// Columns give way in this order: those that say nothing in any row; those with a short form take it; further ones are left out in their
    /// order; the texts that may be cut off are, the widest first. What remains is never cut off: the terminal wraps it if it is too narrow.
    /// </remarks>
    /// <param name="columns">The columns with their widths.</param>
    /// <param name="width">The width of the terminal.</param>
    /// <returns>The width of each column; null for a column that is left out.</returns>
    public static int?[] Fit(IReadOnlyList<ColumnSize> columns, int width)
    {
        int?[] widths = [.. columns.Select(column => (int?)column.Whole)];
        foreach (int column in LeftOutInOrder(columns, isEmpty: true).TakeWhile(_ => Total(widths) > width))
        {
            widths[column] = null;
        }

        for (int i = 0; i < columns.Count && Total(widths) > width; i++)
        {
            widths[i] = widths[i] is null ? null : columns[i].Short ?? widths[i];
        }

        foreach (int column in LeftOutInOrder(columns, isEmpty: false).TakeWhile(_ => Total(Narrowest(columns, widths)) > width))
        {
            widths[column] = null;
        }

        while (Total(widths) > width && Widest(columns, widths) is { } widest)
        {
            widths[widest]--;
        }

        return widths;
    }

    private static IEnumerable<int> LeftOutInOrder(IReadOnlyList<ColumnSize> columns, bool isEmpty) => Enumerable.Range(0, columns.Count)
        .Where(i => columns[i].LeftOut is not null && columns[i].IsEmpty == isEmpty)
        .OrderBy(i => columns[i].LeftOut);

    private static int?[] Narrowest(IReadOnlyList<ColumnSize> columns, int?[] widths) =>
        [.. widths.Select((width, i) => width is null ? null : Math.Min(width.Value, columns[i].Least ?? width.Value) as int?)];

    /// <summary>Returns the widest column whose texts may be cut off further; null if there is none.</summary>
    private static int? Widest(IReadOnlyList<ColumnSize> columns, int?[] widths) => Enumerable.Range(0, columns.Count)
        .Where(i => widths[i] > columns[i].Least)
        .OrderByDescending(i => widths[i])
        .Select(i => (int?)i)
        .FirstOrDefault();

    private static int Total(int?[] widths) => widths.Sum(width => width is null ? 0 : width.Value + Gap) - Gap;
}

/// <summary>The widths of a column.</summary>
/// <param name="Whole">The width of its longest text.</param>
/// <param name="Short">The width of its longest short form; null for a column that has none.</param>
/// <param name="Least">The width to which its texts may be cut off; null for a column whose texts stay whole.</param>
/// <param name="LeftOut">The place in the order in which columns are left out; null for a column that stays.</param>
/// <param name="IsEmpty">True if it says nothing in any row.</param>
internal readonly record struct ColumnSize(int Whole, int? Short, int? Least, int? LeftOut, bool IsEmpty);
