using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Pauses and resumes recovery.</summary>
internal static class RecoveryActionCommands
{
    public static Command CreatePause(CommonOptions common) => Create(
        common,
        OperatorActionKind.Pause,
        "Pauses recovery: no saga is resumed, even after a restart; running and new sagas continue",
        "pause --url http://127.0.0.1:5080 --comment 'INC-481: poison saga suspected'",
        "pause --connection 'Host=db1' --coordinator 0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11 --comment 'INC-481'");

    public static Command CreateResume(CommonOptions common) => Create(
        common,
        OperatorActionKind.Resume,
        "Ends a pause; a pass then resumes the waiting sagas",
        "resume --url http://127.0.0.1:5080 --comment 'INC-481 is over'");

    private static ToolCommand Create(CommonOptions common, OperatorActionKind kind, string description, params IReadOnlyList<string> examples)
    {
        var options = new ActionOptions();
        Option<CoordinatorId?> coordinator = new("--coordinator")
        {
            Description = "The coordinator, with --connection only; a service always acts on its own",
            HelpName = "id",
            CustomParser = Values.ParseCoordinator,
        };
        var command = new ToolCommand(SagaNames.Of(kind), description, examples) { coordinator };
        options.AddTo(command);
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            ISagaAccess access = call.Open();
            await using (access.ConfigureAwait(false))
            {
                OperatorActionResponse response = await access
                    .PerformAsync(kind, call.Value(coordinator), options.Read(call), cancellationToken).ConfigureAwait(false);
                return ActionReply.Print(call, response);
            }
        });
        return command;
    }
}
