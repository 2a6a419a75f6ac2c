using System.CommandLine;
using System.Globalization;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Inserts archived sagas into a database, so that they can be shown. Works directly on Postgres.</summary>
internal static class ImportCommand
{
    /// <summary>The maximum number of skipped lines whose reasons are printed.</summary>
    private const int MaxReasons = 10;

    public static Command Create(CommonOptions common)
    {
        var file = new Argument<FileInfo>("file") { Description = "A file of archived sagas, one a line" };
        var only = new Option<SagaId?>("--saga") { Description = "Import only this saga", HelpName = "id", CustomParser = Values.ParseSaga };
        var options = new ActionOptions();
        var command = new ToolCommand(
            SagaNames.Of(OperatorActionKind.Import),
            "Inserts ended sagas from an archive file, so that 'sagas show' and the page show them; recovery never runs them",
            "sagas import sagas-20261130.jsonl --saga 0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11 --connection 'Host=127.0.0.1;Database=control_plane;Username=postgres' --comment 'audit'",
            "sagas import sagas-20261130.jsonl --schema archived_sagas --connection 'Host=127.0.0.1;Database=archive;Username=postgres' --comment 'audit'")
        {
            file, only,
        };
        options.AddTo(command);
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            DatabaseAccess database = call.OpenDatabase();
            await using (database.ConfigureAwait(false))
            {
                return await RunAsync(call, database, call.Value(file)!, call.Value(only), options.Read(call), cancellationToken).ConfigureAwait(false);
            }
        });
        return command;
    }

    private static async Task<ExitCode> RunAsync(
        Call call, DatabaseAccess database, FileInfo file, SagaId? only, OperatorActionRequest note, CancellationToken cancellationToken)
    {
        (int imported, int present, int refused, int cutOff) = (0, 0, 0, 0);
        foreach (ArchivedLine line in ReadLines(file))
        {
            if (line.Saga is not { } saga)
            {
                (refused, cutOff) = line.IsCutOff ? (refused, cutOff + 1) : (refused + 1, cutOff);
                Skip(line.Error ?? "");
            }
            else if (only is null || saga.Id == only)
            {
                try
                {
                    bool isNew = await database.ImportAsync(saga, note, cancellationToken).ConfigureAwait(false);
                    (imported, present) = isNew ? (imported + 1, present) : (imported, present + 1);
                }
                catch (InvalidDataException refusal)
                {
                    refused++; // the other lines of the file may be sound
                    Skip(refusal.Message);
                }
            }

            void Skip(string reason)
            {
                if (refused + cutOff <= MaxReasons)
                {
                    call.Note(string.Create(CultureInfo.InvariantCulture, $"line {line.Number} was skipped: {PlainText.OneLine(reason)}"));
                }
            }
        }

        if (refused + cutOff > MaxReasons)
        {
            call.Note(string.Create(CultureInfo.InvariantCulture, $"{PlainText.Count(refused + cutOff - MaxReasons, "more line")} skipped"));
        }

        if (only is not null && imported + present == 0)
        {
            return ActionReply.Print(call, new OperatorActionResponse(OperatorActionStatus.NoSuchSaga, $"The file has no line with saga {only} that can be imported."));
        }

        string message = string.Create(
            CultureInfo.InvariantCulture,
            $"import: {PlainText.Count(imported, "saga")} imported, {present} not, because a saga with the id exists; "
            + $"{(refused > 0 ? $"{PlainText.Count(refused, "line")} refused; " : "")}{PlainText.Count(cutOff, "line")} cut off");
        ActionReply.Print(call, new OperatorActionResponse(OperatorActionStatus.Done, message));
        return refused > 0 || (cutOff > 0 && imported + present == 0) ? ExitCode.Refused : ExitCode.Done;
    }

    private static IEnumerable<ArchivedLine> ReadLines(FileInfo file)
    {
        try
        {
            return ArchiveFile.Read(file.FullName);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ToolException(ExitCode.Usage, $"The file cannot be read: {exception.Message}", exception);
        }
    }
}
