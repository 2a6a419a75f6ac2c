using System.CommandLine;
using System.Globalization;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Lists every coordinator that ever joined.</summary>
internal static class CoordinatorListCommand
{
    public static Command Create(CommonOptions common)
    {
        var command = new ToolCommand(
            "list",
            "Lists every coordinator that ever joined, with its state, process, sagas in progress, pause and definitions",
            "coordinators list --connection 'Host=127.0.0.1;Database=control_plane;Username=postgres'");
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            ISagaAccess access = call.Open();
            await using (access.ConfigureAwait(false))
            {
                IReadOnlyList<CoordinatorDetails> coordinators = await access.ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false);
                if (call.Json)
                {
                    call.Screen.Json(coordinators, RecoveryReportJson.Default.IReadOnlyListCoordinatorDetails);
                }
                else
                {
                    Print(call.Screen, coordinators);
                }

                return ExitCode.Done;
            }
        });
        return command;
    }

    public static void Print(Screen screen, IReadOnlyList<CoordinatorDetails> coordinators)
    {
        if (coordinators.Count == 0)
        {
            screen.Line("No coordinator has ever joined.");
            return;
        }

        bool anyPaused = coordinators.Any(one => one.Paused is not null); // then the column stays on any terminal: its sagas wait
        var sheet = new Sheet(
            Column.OfTexts("HOST"), "COORDINATOR", "STATE", "PROCESS", new Column("LAST SEEN") { LeftOut = 6 }, new Column("IN PROGRESS") { LeftOut = 8 },
            Column.OfTexts("PAUSED") with { LeftOut = anyPaused ? null : 7 }, Column.OfTexts("VERSION") with { LeftOut = 4 }, new Column("JOINED") { LeftOut = 3 },
            new Column("INCARNATION") { LeftOut = 1 }, new Column("PID") { LeftOut = 2 }, Column.OfTexts("DEFINITIONS") with { LeftOut = 5 });
        foreach (CoordinatorDetails coordinator in coordinators)
        {
            sheet.Add(
                coordinator.Host,
                coordinator.Id.ToString(),
                Cell.Of(coordinator),
                Words.ProcessState(coordinator),
                $"{PlainText.Duration(coordinator.Silence)} ago",
                coordinator.InProgress?.ToString(CultureInfo.InvariantCulture) ?? Cell.Nothing,
                coordinator.Paused is { } pause ? Cell.Of($"since {PlainText.Time(pause.Since)} by {Words.By(pause.Note)}", "paused") : Cell.Nothing,
                Words.Version(coordinator),
                Cell.Of(coordinator.TimeJoined, screen.Now),
                Cell.Of(coordinator.Incarnation),
                Cell.Of(coordinator.ProcessId),
                coordinator.Definitions is { } definitions ? string.Join(", ", definitions) : "any");
        }

        screen.Print(sheet);
        foreach (CoordinatorDetails coordinator in coordinators.Where(one => one.Unreadable is not null))
        {
            screen.Line($"coordinator {coordinator.Id} cannot be read in full: {PlainText.OneLine(coordinator.Unreadable!)}");
        }
    }
}
