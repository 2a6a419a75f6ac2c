using System.Globalization;
using SagaRecovery.Cli.Output;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>The numbers of sagas: those in progress by state, owner and name, and an estimate of those that have ended.</summary>
internal static class CountSheet
{
    public static void Print(Screen screen, SagaCounts counts)
    {
        if (counts.Unfinished.Count == 0)
        {
            screen.Line("No unfinished sagas.");
        }
        else
        {
            var sheet = new Sheet(Column.OfTexts("NAME"), "STATE", "SAGAS", new Column("OWNER") { LeftOut = 0 });
            foreach (SagaCount count in counts.Unfinished.OrderBy(count => count.State).ThenByDescending(count => count.Count))
            {
                string number = count.Count.ToString(CultureInfo.InvariantCulture);
                sheet.Add(count.Name, Cell.Of(count.State), number, count.Owner?.ToString() ?? "none");
            }

            screen.Print(sheet);
        }

        screen.Line(Ended(counts));
    }

    /// <summary>Words the numbers of sagas that have ended.</summary>
    private static string Ended(SagaCounts counts)
    {
        IEnumerable<string> states = counts.NotSucceeded
            .Where(count => count.Count > 0)
            .Select(count => string.Create(CultureInfo.InvariantCulture, $"{count.Count}{(count.OrMore ? " or more" : "")} {SagaNames.Of(count.State)}"));
        string detail = string.Join(", ", states);
        string total = counts.Ended is { } ended ? $"About {PlainText.Count(ended, "saga")} ended" : "The number of ended sagas is not known";
        return detail.Length == 0 ? $"{total}." : $"{total}; {detail}.";
    }
}
