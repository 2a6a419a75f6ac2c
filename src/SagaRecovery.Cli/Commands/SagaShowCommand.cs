using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Shows one saga: its row, its graph and its events.</summary>
internal static class SagaShowCommand
{
    public static Command Create(CommonOptions common)
    {
        Argument<SagaId> id = Values.SagaIdArgument();
        var command = new ToolCommand(
            "show",
            "Shows one saga: its row, its graph with the state of each node, and its events",
            "sagas show 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5",
            "sagas show 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 --json | jq '.events[-1]'")
        {
            id,
        };
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            ISagaAccess access = call.Open();
            await using (access.ConfigureAwait(false))
            {
                SagaDetails saga = await access.FindAsync(call.Value(id), cancellationToken).ConfigureAwait(false)
                    ?? throw new ToolException(ExitCode.NotFound, $"There is no saga {call.Value(id)} in {access.Target}.");
                if (call.Json)
                {
                    call.Screen.Json(saga, RecoveryReportJson.Default.SagaDetails);
                }
                else
                {
                    SagaPage.Print(call.Screen, saga);
                }

                return ExitCode.Done;
            }
        });
        return command;
    }
}
