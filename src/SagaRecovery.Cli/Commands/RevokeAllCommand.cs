using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Commands;

/// <summary>Revokes every earlier join after a restore or a move. Works directly on Postgres, because the service is stopped then.</summary>
internal static class RevokeAllCommand
{
    public static Command Create(CommonOptions common)
    {
        Option<bool> yes = Confirmation.YesOption();
        var options = new ActionOptions();
        var command = new ToolCommand(
            "revoke-all",
            "Revokes every earlier join after the database was restored or moved; processes that still run are fenced",
            "coordinators revoke-all --connection 'Host=127.0.0.1;Database=control_plane;Username=postgres' --comment 'restored from the backup of Tuesday'")
        {
            yes,
        };
        options.AddTo(command);
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            DatabaseAccess database = call.OpenDatabase();
            await using (database.ConfigureAwait(false))
            {
                if (!call.Value(yes))
                {
                    await Confirmation.AskAsync(
                        call,
                        command.Name,
                        [
                            $"revoke all joins in {database.Target}",
                            "  Every process of the service that still runs is fenced: it stops its sagas and must be restarted. No saga is changed.",
                        ],
                        cancellationToken).ConfigureAwait(false);
                }

                int revoked = await database.RevokeJoinsAsync(options.Read(call), cancellationToken).ConfigureAwait(false);
                string message = $"revoke-all: done, {PlainText.Count(revoked, "coordinator")}. Each joins again when its process restarts.";
                return ActionReply.Print(call, new OperatorActionResponse(OperatorActionStatus.Done, message));
            }
        });
        return command;
    }
}
