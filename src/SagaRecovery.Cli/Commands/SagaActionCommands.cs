using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Levers on one saga that destroy nothing.</summary>
internal static class SagaActionCommands
{
    private const string ExampleId = "0199c1d2-5a3b-7c4d-8e5f-60718293a4b5";

    public static Command CreateHold(CommonOptions common) => Create(
        common,
        OperatorActionKind.Hold,
        call => call.Open(),
        "Keeps a saga in progress from being handed over until it is released; a run of it goes on",
        $"sagas hold {ExampleId} --comment 'kills the process, see INC-481'");

    public static Command CreateRelease(CommonOptions common) => Create(
        common, OperatorActionKind.Release, call => call.Open(), "Ends a hold: the next pass recovers the saga", $"sagas release {ExampleId} --comment 'INC-481 is fixed'");

    public static Command CreateRetry(CommonOptions common) => Create(
        common,
        OperatorActionKind.Retry,
        call => call.OpenService(), // when it is tried is the process's doing
        "Tries a saga that is backing off now, whatever its delay",
        $"sagas retry {ExampleId} --comment 'the disk is back'");

    private static ToolCommand Create(CommonOptions common, OperatorActionKind kind, Func<Call, ISagaAccess> open, string description, string example)
    {
        Argument<SagaId> id = Values.SagaIdArgument();
        var options = new ActionOptions();
        var command = new ToolCommand(SagaNames.Of(kind), description, example) { id };
        options.AddTo(command);
        common.Run(command, async (call, cancellationToken) =>
        {
            ISagaAccess access = open(call);
            await using (access.ConfigureAwait(false))
            {
                OperatorActionResponse answer = await access.PerformAsync(kind, call.Value(id), options.Read(call), cancellationToken).ConfigureAwait(false);
                return ActionReply.Give(call, answer);
            }
        });
        return command;
    }
}
