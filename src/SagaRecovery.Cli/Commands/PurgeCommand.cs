using System.CommandLine;
using System.Globalization;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Deletes ended sagas by age, state and definition.</summary>
internal sealed class PurgeCommand
{
    private const string NoSettings = "  The settings of the service, such as definitions to keep, do not apply to --connection.";

    private readonly Option<TimeSpan?> _olderThan = new("--older-than")
    {
        Description = "The time since their end after which sagas are deleted, such as 30d, 12h or 45m",
        HelpName = "age",
        Required = true,
        CustomParser = Values.ParseAge,
    };

    private readonly Option<SagaState?[]> _state = new("--state")
    {
        Description = "A state of ended sagas: succeeded, unwound, stuck or abandoned; repeat for several [default: succeeded and unwound]",
        HelpName = "state",
        CustomParser = ParseStates,
    };

    private readonly Option<DefinitionChoice?> _definition = new("--definition")
    {
        Description = "A definition, or a version of it as NAME@VERSION [default: all that the settings of the service do not keep]",
        HelpName = "name",
        CustomParser = Values.ParseDefinition,
    };

    private readonly Option<string?> _archive = new("--archive")
    {
        Description = "Export the sagas to this file before they are deleted; a present file is appended to. Needs --connection: a service exports as it is configured",
        HelpName = "file",
    };

    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Only print what would be deleted" };

    private readonly Option<bool> _yes = Confirmation.YesOption();

    private readonly ActionOptions _note = new();

    public static Command Create(CommonOptions common)
    {
        var options = new PurgeCommand();
        var command = new ToolCommand(
            SagaNames.Of(OperatorActionKind.Purge),
            "Deletes ended sagas by age, state and definition; cannot be undone",
            "sagas purge --older-than 30d --dry-run --comment 'how much would it be?'",
            "sagas purge --older-than 30d --state succeeded --definition project-create --comment 'OPS-12'",
            "sagas purge --older-than 90d --archive sagas.jsonl --connection 'Host=127.0.0.1;Database=control_plane;Username=postgres' --comment 'OPS-12'")
        {
            options._olderThan, options._state, options._definition, options._archive, options._dryRun, options._yes,
        };
        options._note.AddTo(command);
        common.SetHandler(command, options.RunAsync);
        return command;
    }

    private async Task<ExitCode> RunAsync(Call call, CancellationToken cancellationToken)
    {
        OperatorActionRequest note = _note.Read(call);
        var request = new PurgeRequest
        {
            OlderThan = call.Value(_olderThan)!.Value,
            States = [.. (call.Value(_state) ?? []).OfType<SagaState>()],
            Definition = call.Value(_definition)?.Name,
            Version = call.Value(_definition)?.Version,
            Reason = note.Reason,
            Actor = note.Actor,
        };
        using FileArchive? archive = call.Value(_archive) is { } path ? FileArchive.At(path) : null;
        ISagaAccess access = archive is null ? call.Open() : call.OpenDatabase("--archive");
        await using (access.ConfigureAwait(false))
        {
            if (access is DatabaseAccess database)
            {
                database.Archive = archive;
            }

            if (call.Value(_dryRun))
            {
                return Print(call, await RepeatAsync(call, access, request, cancellationToken).ConfigureAwait(false));
            }

            if (!call.Value(_yes))
            {
                Confirmation.ThrowIfNotInteractive(call, SagaNames.Of(OperatorActionKind.Purge));
                PurgeResponse counted = await RepeatAsync(call, access, request, cancellationToken).ConfigureAwait(false);
                if (counted.Result != OperatorActionStatus.Done)
                {
                    return Print(call, counted);
                }

                await ConfirmAsync(call, access, counted, cancellationToken).ConfigureAwait(false);
            }

            return Print(call, await RepeatAsync(call, access, request with { Delete = true }, cancellationToken).ConfigureAwait(false));
        }
    }

    private static async Task ConfirmAsync(Call call, ISagaAccess access, PurgeResponse counted, CancellationToken cancellationToken)
    {
        string[] notes = access switch
        {
            DatabaseAccess { Archive: { } archive } => [$"  They are exported to {PlainText.OneLine(archive.Path)} first.", NoSettings],
            DatabaseAccess => ["  They are not exported (see --archive).", NoSettings],
            _ => ["  The service exports them first if it has an archive."],
        };
        await Confirmation.AskAsync(
            call,
            SagaNames.Of(OperatorActionKind.Purge),
            [counted.Message, .. counted.Counts.Select(Line), .. notes, "  A keyed start can use their keys again afterwards."],
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Repeats a request until it is complete, since each one only works for a while, and adds up the responses.</summary>
    private static async Task<PurgeResponse> RepeatAsync(Call call, ISagaAccess access, PurgeRequest request, CancellationToken cancellationToken)
    {
        PurgeResponse sum = await access.PurgeAsync(request, cancellationToken).ConfigureAwait(false);
        while (!sum.IsComplete)
        {
            if (!call.Json)
            {
                await call.Environment.Error.WriteLineAsync($"{PurgeTotals.Progress(sum, request.Delete)} so far").ConfigureAwait(false);
            }

            sum = sum.Plus(await access.PurgeAsync(request with { Continuation = sum.Continuation }, cancellationToken).ConfigureAwait(false));
        }

        return sum.Result == OperatorActionStatus.Done ? sum with { Message = PurgeTotals.Describe(sum, request.Delete) } : sum;
    }

    private static ExitCode Print(Call call, PurgeResponse response)
    {
        if (call.Json)
        {
            call.Screen.Json(response, RecoveryReportJson.Default.PurgeResponse);
        }

        if (response.Result != OperatorActionStatus.Done)
        {
            call.Note(response.Message);
        }
        else if (!call.Json)
        {
            PrintCounts(call.Screen, response.Counts);
            call.Screen.Line(response.Message);
        }

        return ActionReply.ToExitCode(response.Result);
    }

    private static void PrintCounts(Screen screen, IReadOnlyList<PurgeCount> counts)
    {
        if (counts.Count == 0)
        {
            return;
        }

        var sheet = new Sheet(Column.OfTexts("DEFINITION"), "STATE", "SAGAS", "MB", "OLDEST_END");
        foreach (PurgeCount count in counts)
        {
            sheet.Add(
                count.Definition,
                Cell.Of(count.State),
                count.Sagas.ToString(CultureInfo.InvariantCulture),
                (count.Bytes / 1e6).ToString("F1", CultureInfo.InvariantCulture),
                Cell.Of(count.Oldest, screen.Now));
        }

        screen.Print(sheet);
    }

    private static string Line(PurgeCount count) => string.Create(
        CultureInfo.InvariantCulture,
        $"  {PlainText.Count(count.Sagas, $"{SagaNames.Of(count.State)} saga")} of {PlainText.OneLine(count.Definition)}, {count.Bytes / 1e6:N1} MB, ended since {PlainText.Time(count.Oldest)}");

    private static SagaState?[] ParseStates(System.CommandLine.Parsing.ArgumentResult result) => [.. result.Tokens.Select(token =>
    {
        if (SagaNames.TryParse(token.Value, out SagaState state) && state is not (SagaState.Running or SagaState.Unwinding))
        {
            return (SagaState?)state;
        }

        result.AddError($"'{PlainText.OneLine(token.Value, longest: 80)}' is not a state of ended sagas: succeeded, unwound, stuck, abandoned");
        return null;
    })];
}
