using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Deletes a coordinator that never returns.</summary>
internal static class ForgetCommand
{
    public static Command Create(CommonOptions common)
    {
        var id = new Argument<CoordinatorId?>("id") { Description = "The coordinator's id", Arity = ArgumentArity.ExactlyOne, CustomParser = Values.ParseCoordinator };
        Option<bool> yes = Confirmation.YesOption();
        var options = new ActionOptions();
        var command = new ToolCommand(
            SagaNames.Of(OperatorActionKind.Forget),
            "Deletes a coordinator that does not answer and owns no unfinished sagas",
            "coordinators forget 0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11 --comment 'region eu-2 was shut down'")
        {
            id, yes,
        };
        options.AddTo(command);
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            CoordinatorId coordinator = call.Value(id)!.Value;
            ISagaAccess access = call.Open();
            await using (access.ConfigureAwait(false))
            {
                if (!call.Value(yes))
                {
                    await Confirmation.AskAsync(
                        call,
                        command.Name,
                        [$"forget coordinator {coordinator}", "  Its heartbeat, pause and published definitions are deleted. Its ended sagas stay."],
                        cancellationToken).ConfigureAwait(false);
                }

                return ActionReply.Print(call, await access.ForgetAsync(coordinator, options.Read(call), cancellationToken).ConfigureAwait(false));
            }
        });
        return command;
    }
}
