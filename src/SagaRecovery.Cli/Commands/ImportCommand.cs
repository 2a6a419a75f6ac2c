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
        (int imported, int present, int unreadable) = (0, 0, 0);
        foreach (ArchivedLine line in ReadLines(file))
        {
            if (line.Saga is not { } saga)
            {
                unreadable++;
                call.Note(string.Create(CultureInfo.InvariantCulture, $"line {line.Number} was skipped: {PlainText.OneLine(line.Error ?? "")}"));
            }
            else if (only is null || saga.Id == only)
            {
                bool isNew = await ImportAsync(database, saga, note, cancellationToken).ConfigureAwait(false);
                (imported, present) = isNew ? (imported + 1, present) : (imported, present + 1);
            }
        }

        string message = string.Create(
            CultureInfo.InvariantCulture,
            $"import: {PlainText.Count(imported, "saga")} imported, {present} not, because a saga with the id exists; {PlainText.Count(unreadable, "line")} not readable");
        OperatorActionStatus result = imported + present > 0 || only is null ? OperatorActionStatus.Done : OperatorActionStatus.NoSuchSaga;
        return ActionReply.Print(call, new OperatorActionResponse(result, result == OperatorActionStatus.Done ? message : $"The file has no saga {only}."));
    }

    private static async Task<bool> ImportAsync(DatabaseAccess database, ArchivedSaga saga, OperatorActionRequest note, CancellationToken cancellationToken)
    {
        try
        {
            return await database.ImportAsync(saga, note, cancellationToken).ConfigureAwait(false);
        }
        catch (ArgumentException refused)
        {
            throw new ToolException(ExitCode.Refused, refused.Message, refused);
        }
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
