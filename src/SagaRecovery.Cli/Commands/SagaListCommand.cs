using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Lists sagas by the time of their start, newest first.</summary>
internal static class SagaListCommand
{
    public static Command Create(CommonOptions common)
    {
        var filter = new FilterOptions(common.Environment);
        Option<int> limit = new("--limit")
        {
            Description = "The largest number of sagas to list: 1 to 1000",
            DefaultValueFactory = _ => 100,
            HelpName = "number",
        };
        limit.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 1_000)
            {
                result.AddError("--limit must be 1 to 1000");
            }
        });
        Option<SagaCursor?> before = new("--before")
        {
            Description = "Only sagas after this place in the list, which are older; the previous page prints it",
            HelpName = "place",
            CustomParser = Values.ParseCursor,
        };
        var command = new ToolCommand(
            "list",
            "Lists sagas by the time of their start, newest first",
            "sagas list --state unfinished",
            "sagas list --tag vpc=17",
            "sagas list --definition project-create@2 --since 2h --error-code quota_exceeded",
            "sagas list --state stuck --json | jq -r '.[].id'");
        filter.AddTo(command);
        command.Options.Add(limit);
        command.Options.Add(before);
        common.SetHandler(command, (call, cancellationToken) => RunAsync(
            call, filter.Read(call) with { Limit = call.Value(limit), Before = call.Value(before) }, cancellationToken));
        return command;
    }

    private static async Task<ExitCode> RunAsync(Call call, SagaFilter filter, CancellationToken cancellationToken)
    {
        ISagaAccess access = call.Open();
        await using (access.ConfigureAwait(false))
        {
            IReadOnlyList<SagaSummary> sagas = await access.ListAsync(filter, cancellationToken).ConfigureAwait(false);
            if (call.Json)
            {
                call.Screen.Json(sagas, RecoveryReportJson.Default.IReadOnlyListSagaSummary);
                return ExitCode.Done;
            }

            if (sagas.Count == 0)
            {
                call.Note("No sagas match.");
                return ExitCode.Done;
            }

            Print(call.Screen, sagas);
            if (sagas.Count == filter.Limit)
            {
                call.Note($"There may be more sagas: pass --before {SagaCursor.Of(sagas[^1])}");
            }

            return ExitCode.Done;
        }
    }

    /// <summary>Prints a list of sagas, one to a line.</summary>
    public static void Print(Screen screen, IReadOnlyList<SagaSummary> sagas)
    {
        var sheet = new Sheet(
            Column.OfTexts("NAME"), "ID", "STATE", new Column("CREATED") { LeftOut = 5 }, new Column("HELD") { LeftOut = 4 },
            Column.OfTexts("ERROR") with { LeftOut = 3 }, Column.OfTexts("FAILED_NODE") with { LeftOut = 2 }, new Column("OWNER") { LeftOut = 1 },
            new Column("GENERATION") { LeftOut = 0 });
        foreach (SagaSummary saga in sagas)
        {
            sheet.Add(
                saga.Name, saga.Id.ToString(), Cell.Of(saga.State), Cell.CreatedOf(saga, screen.Now), saga.IsHeld ? "held" : Cell.Nothing,
                saga.ErrorCode ?? Cell.Nothing, saga.FailedNode ?? Cell.Nothing, saga.Owner?.ToString() ?? "none", Cell.Of(saga.Generation));
        }

        screen.Print(sheet);
        foreach (SagaSummary saga in sagas.Where(saga => saga.Unreadable is not null))
        {
            screen.Line($"saga {saga.Id} cannot be read in full: {PlainText.OneLine(saga.Unreadable!)}");
        }
    }
}
