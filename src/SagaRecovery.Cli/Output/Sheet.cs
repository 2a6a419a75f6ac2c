using SagaRecovery.Bookkeeping;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace SagaRecovery.Cli.Output;

/// <summary>A table without borders, with one line per row, readable for people, <c>grep</c> and <c>awk</c>.</summary>
internal sealed class Sheet
{
    private readonly Table _table = new Table().NoBorder();

    /// <param name="columns">The column headings.</param>
    public Sheet(params IReadOnlyList<string> columns)
    {
        foreach (string heading in columns)
        {
            _table.AddColumn(new TableColumn(new Text(heading, new Style(decoration: Decoration.Bold))) { NoWrap = true, Padding = new Padding(0, 0, 2, 0) });
        }
    }

    public IRenderable Table => _table;

    public void Add(params IReadOnlyList<Cell> cells) => _table.AddRow(cells.Select(cell => new Text(cell.Text, cell.Style)));
}

/// <summary>The content of a table cell.</summary>
/// <param name="Text">The sanitized and truncated text.</param>
/// <param name="Style">The style on a terminal.</param>
internal sealed record Cell(string Text, Style Style)
{
    /// <summary>Creates a cell from untrusted text.</summary>
    public static implicit operator Cell(string text) => new(PlainText.OneLine(text), Style.Plain);

    public static Cell Of(object? value) => new(value is null ? "-" : PlainText.OneLine(value.ToString() ?? ""), Style.Plain);

    /// <summary>Creates a cell with the time of the start of a saga, unless its row cannot be read in full.</summary>
    public static Cell CreatedOf(SagaSummary saga) => saga.Unreadable is null ? Of(saga.TimeCreated) : new("UNREADABLE", new Style(Color.Red));

    public static Cell Of(DateTimeOffset time) => new(PlainText.Time(time), Style.Plain);

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

    public static Cell Of(DefinitionNeed need) => new(Words.Of(need), need == DefinitionNeed.NotRunnable ? new Style(Color.Red) : Style.Plain);
}
