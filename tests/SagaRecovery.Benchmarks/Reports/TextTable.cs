using System.Text;

namespace SagaRecovery.Benchmarks.Reports;

/// <summary>A table in plain text: as wide as its widest cells, numbers to the right.</summary>
/// <param name="headers">The names of the columns; one that begins with <see cref="Right"/> is right-aligned.</param>
internal sealed class TextTable(params IReadOnlyList<string> headers)
{
    /// <summary>Marks a column of numbers.</summary>
    public const char Right = '>';

    private readonly List<IReadOnlyList<string>> _rows = [];

    public bool IsEmpty => _rows.Count == 0;

    public void Add(params IReadOnlyList<string> cells) => _rows.Add(cells);

    public override string ToString()
    {
        string[] names = [.. headers.Select(header => header.TrimStart(Right))];
        int[] widths = [.. names.Select((name, column) => Math.Max(name.Length, _rows.Select(row => row[column].Length).DefaultIfEmpty().Max()))];
        var text = new StringBuilder();
        AppendLine(names);
        AppendLine([.. widths.Select(width => new string('-', width))]);
        _rows.ForEach(AppendLine);
        return text.ToString();

        void AppendLine(IReadOnlyList<string> cells)
        {
            IEnumerable<string> padded = cells.Select((cell, column) =>
                headers[column].StartsWith(Right) ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]));
            text.AppendLine(string.Join("  ", padded).TrimEnd());
        }
    }
}
