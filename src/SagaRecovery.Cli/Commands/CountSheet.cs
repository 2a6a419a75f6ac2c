using System.Globalization;
using SagaRecovery.Cli.Output;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>The number of sagas by state, owner and name: those in progress first, then those that need an operator.</summary>
internal static class CountSheet
{
    private static readonly SagaState[] s_order =
        [SagaState.Running, SagaState.Unwinding, SagaState.Stuck, SagaState.Abandoned, SagaState.Unwound, SagaState.Succeeded];

    public static void Print(Screen screen, IReadOnlyList<SagaCount> counts)
    {
        if (counts.Count == 0)
        {
            screen.Line("No sagas.");
            return;
        }

        var sheet = new Sheet("STATE", "SAGAS", "OWNER", "NAME");
        foreach (SagaCount count in counts.OrderBy(count => Array.IndexOf(s_order, count.State)).ThenByDescending(count => count.Count))
        {
            string number = count.Count.ToString(CultureInfo.InvariantCulture);
            sheet.Add(Cell.Of(count.State), number, count.Owner?.ToString() ?? "none", count.Name);
        }

        screen.Print(sheet.Table);
    }
}
