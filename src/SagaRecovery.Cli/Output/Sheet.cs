using SagaRecovery.Bookkeeping;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace SagaRecovery.Cli.Output;

/// <summary>A table without borders, with one line per row, readable for people, <c>grep</c> and <c>awk</c>.</summary>
internal sealed class Sheet(params IReadOnlyList<Column> columns)
{
    private readonly List<IReadOnlyList<Cell>> _rows = [];

    public void Add(params IReadOnlyList<Cell> cells) => _rows.Add(cells);

    /// <summary>Lays the table out.</summary>
    /// <param name="width">The width of the terminal; null to keep every column whole.</param>
    public IRenderable Render(int? width)
    {
        var heading = new Style(decoration: Decoration.Bold);
        int?[] widths = width is { } limit ? SheetLayout.Fit([.. columns.Select(SizeOf)], limit) : [.. columns.Select(_ => (int?)int.MaxValue)];
        int[] shown = [.. Enumerable.Range(0, columns.Count).Where(i => widths[i] is not null)];
        Table table = new Table().NoBorder();
        foreach (int i in shown)
        {
            table.AddColumn(new TableColumn(new Text(columns[i].Heading, heading)) { NoWrap = true, Padding = new Padding(0, 0, SheetLayout.Gap, 0) });
        }

        bool[] isShort = [.. columns.Select((_, i) => widths[i] is { } fitted && _rows.Exists(row => WidthOf(row[i].Text) > fitted))];
        foreach (IReadOnlyList<Cell> row in _rows)
        {
            table.AddRow(shown.Select(i => new Text(row[i].Fit(widths[i]!.Value, isShort[i]), row[i].Style)));
        }

        return table;
    }

    /// <summary>Returns the number of places that a text takes on a terminal.</summary>
    internal static int WidthOf(string text) => new Segment(text).CellCount();

    private ColumnSize SizeOf(Column column, int i)
    {
        int heading = WidthOf(column.Heading);
        int whole = Math.Max(heading, _rows.Select(row => WidthOf(row[i].Text)).DefaultIfEmpty().Max());
        return new ColumnSize(
            whole,
            _rows.Exists(row => row[i].Short is not null) ? Math.Max(heading, _rows.Max(row => WidthOf(row[i].Short ?? row[i].Text))) : null,
            column.Least is { } least ? Math.Min(whole, Math.Max(heading, least)) : null,
            column.LeftOut,
            _rows.TrueForAll(row => row[i].Text is Cell.Nothing or ""));
    }
}

/// <summary>A column of a table. It gives way on a narrow terminal only as far as it says so.</summary>
/// <param name="Heading">The heading.</param>
internal sealed record Column(string Heading)
{
    /// <summary>The width to which its texts may be cut off; null for a column whose texts stay whole, such as ids.</summary>
    public int? Least { get; init; }

    /// <summary>The place in the order in which columns are left out, the lowest first; null for a column that stays.</summary>
    public int? LeftOut { get; init; }

    public static implicit operator Column(string heading) => new(heading);

    /// <summary>Creates a column of texts that may be cut off.</summary>
    public static Column OfTexts(string heading, int least = 12) => new(heading) { Least = least };
}

/// <summary>The content of a table cell.</summary>
/// <param name="Text">The sanitized and truncated text.</param>
/// <param name="Style">The style on a terminal.</param>
internal sealed record Cell(string Text, Style Style)
{
    /// <summary>The text of a cell that has nothing to say.</summary>
    public const string Nothing = "-";

    /// <summary>The form for a narrow terminal; null if there is none.</summary>
    public string? Short { get; private init; }

    /// <summary>Creates a cell from untrusted text.</summary>
    public static implicit operator Cell(string text) => new(PlainText.OneLine(text), Style.Plain);

    public static Cell Of(object? value) => new(value is null ? Nothing : PlainText.OneLine(value.ToString() ?? ""), Style.Plain);

    /// <summary>Creates a cell with the time of the start of a saga, unless its row cannot be read in full.</summary>
    public static Cell CreatedOf(SagaSummary saga, DateTimeOffset now) =>
        saga.Unreadable is null ? Of(saga.TimeCreated, now) : new("UNREADABLE", new Style(Color.Red));

    /// <summary>Creates a cell with a time, or on a narrow terminal its distance from now.</summary>
    public static Cell Of(DateTimeOffset time, DateTimeOffset now) => new(PlainText.Time(time), Style.Plain) { Short = $"{Age(now - time)} ago" };

    /// <summary>Creates a cell from untrusted text, with a form of it for a narrow terminal.</summary>
    public static Cell Of(string text, string shortForm) => new(PlainText.OneLine(text), Style.Plain) { Short = shortForm };

    /// <summary>Creates a cell with the state of a coordinator.</summary>
    public static Cell Of(CoordinatorDetails coordinator) => new(coordinator.State.ToString().ToLowerInvariant(), coordinator switch
    {
        { State: CoordinatorState.Draining } => new Style(Color.Yellow),
        { State: CoordinatorState.Active, Answers: false } => new Style(Color.Red),
        _ => Style.Plain,
    });

    public static Cell Of(SagaState state) => new(SagaNames.Of(state), state switch
    {
        SagaState.Succeeded => new Style(Color.Green),
        SagaState.Unwinding => new Style(Color.Yellow),
        SagaState.Stuck or SagaState.Abandoned or SagaState.Unknown => new Style(Color.Red),
        _ => Style.Plain,
    });

    public static Cell Of(DefinitionDetails definition) =>
        new(Words.NeedFor(definition), definition.Need == DefinitionNeed.NotRunnable ? new Style(Color.Red) : Style.Plain);

    /// <summary>Returns the text for a column of a width: the short form if the column has to be short, cut off if it is still too wide.</summary>
    public string Fit(int width, bool isShort)
    {
        string text = isShort ? Short ?? Text : Text;
        if (Sheet.WidthOf(text) <= width)
        {
            return text;
        }

        string kept = "";
        foreach (System.Text.Rune letter in text.EnumerateRunes())
        {
            if (Sheet.WidthOf(kept + letter) >= width)
            {
                break;
            }

            kept += letter;
        }

        return kept + "…";
    }

    private static string Age(TimeSpan span) => span >= TimeSpan.FromDays(2) ? FormattableString.Invariant($"{Math.Floor(span.TotalDays):F0}d") : PlainText.Duration(span);
}
