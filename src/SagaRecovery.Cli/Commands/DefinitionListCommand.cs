using System.CommandLine;
using System.Globalization;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Lists the stored and published definitions, and which of them is still needed.</summary>
internal static class DefinitionListCommand
{
    /// <summary>The number of shapes of one name and version from which they share a row.</summary>
    private const int MaxShapes = 5;

    private const int HashDigits = 12;

    public static Command Create(CommonOptions common)
    {
        var command = new ToolCommand(
            "list",
            "Lists the definitions with their unfinished and ended sagas, the processes that can run them, and whether each is still needed",
            "definitions list --connection 'Host=127.0.0.1;Database=control_plane;Username=postgres'",
            "definitions list --json | jq '.definitions[] | select(.need == \"NotRunnable\")'");
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            ISagaAccess access = call.Open();
            await using (access.ConfigureAwait(false))
            {
                DefinitionList list = await access.ListDefinitionsAsync(cancellationToken).ConfigureAwait(false);
                if (call.Json)
                {
                    call.Screen.Json(list, RecoveryReportJson.Default.DefinitionList);
                }
                else if (list.Definitions.Count == 0)
                {
                    call.Note("No definition is stored or published.");
                }
                else
                {
                    IReadOnlyList<CoordinatorDetails> coordinators = await access.ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false);
                    call.Screen.Print(ToSheet(list, Words.NamesOf(coordinators)));
                    call.Note("Delete a class only if the program starts no saga of it any more.");
                }

                return ExitCode.Done;
            }
        });
        return command;
    }

    private static Sheet ToSheet(DefinitionList list, IReadOnlyDictionary<CoordinatorId, string> names)
    {
        var sheet = new Sheet(
            Column.OfTexts("NAME"), "VERSION", new Column("HASH") { LeftOut = 0 }, "UNFINISHED", new Column("ENDED") { LeftOut = 2 }, "MAY IT BE DELETED?",
            Column.OfTexts("CAN RUN IT") with { LeftOut = 1 });
        foreach (var version in list.Definitions.GroupBy(one => (one.Name, one.Version)))
        {
            DefinitionDetails[] shapes = [.. version];
            foreach (DefinitionDetails row in shapes.Length > MaxShapes ? [Sum(shapes)] : shapes)
            {
                sheet.Add(
                    row.Name,
                    row.Version.ToString(CultureInfo.InvariantCulture),
                    row.Hash is { } hash ? hash.ToString()[..HashDigits] : shapes.Length == 1 ? "any" : $"{shapes.Length} shapes",
                    row.Unfinished.ToString(CultureInfo.InvariantCulture),
                    row.Ended.ToString(CultureInfo.InvariantCulture) + (row.Ended >= DefinitionList.EndedLimit ? "+" : ""),
                    Cell.Of(row),
                    CanRun(row, list.RunAny, names));
            }
        }

        return sheet;
    }

    /// <summary>Returns one row for many shapes of a name and version. Its answer is the most severe one of all.</summary>
    private static DefinitionDetails Sum(DefinitionDetails[] shapes) => shapes[0] with
    {
        Hash = null,
        Unfinished = shapes.Sum(one => one.Unfinished),
        Ended = shapes.Sum(one => one.Ended),
        Stuck = shapes.Sum(one => one.Stuck),
        RunBy = [.. shapes.SelectMany(one => one.RunBy).Distinct()],
        Need = shapes.Max(one => one.Need),
    };

    private static string CanRun(DefinitionDetails definition, IReadOnlyList<CoordinatorId> any, IReadOnlyDictionary<CoordinatorId, string> names)
    {
        string[] all = [.. definition.RunBy.Concat(any).Select(id => names.GetValueOrDefault(id) ?? id.ToString())];
        return all.Length == 0 ? "no process" : string.Join(", ", all);
    }
}
