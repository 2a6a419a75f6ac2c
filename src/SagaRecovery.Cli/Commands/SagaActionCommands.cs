using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Operator actions on one saga that need no confirmation.</summary>
internal static class SagaActionCommands
{
    private const string ExampleId = "0199c1d2-5a3b-7c4d-8e5f-60718293a4b5";

    public static Command CreateHold(CommonOptions common)
    {
        Option<bool> stopRun = new("--stop-run") { Description = "Stop a present run as well, once its steps in flight have ended" };
        ToolCommand command = Create(
            common,
            OperatorActionKind.Hold,
            call => call.Open(),
            "Holds a saga in progress: recovery does not resume it until it is released; a present run continues",
            $"sagas hold {ExampleId} --comment 'kills the process, see INC-481'",
            (call, request) => request with { StopRun = call.Value(stopRun) });
        command.Options.Add(stopRun);
        return command;
    }

    public static Command CreateRelease(CommonOptions common) => Create(
        common,
        OperatorActionKind.Release,
        call => call.Open(),
        "Ends a hold; the next pass recovers the saga, or after a crash a later one",
        $"sagas release {ExampleId} --comment 'INC-481 is fixed'");

    public static Command CreateRetry(CommonOptions common) => Create(
        common,
        OperatorActionKind.Retry,
        call => call.OpenService(), // the backoff is kept in the process, not in the database
        "Retries a saga that is backing off now, regardless of its delay",
        $"sagas retry {ExampleId} --comment 'the disk is mounted again'");

    private static ToolCommand Create(
        CommonOptions common,
        OperatorActionKind kind,
        Func<Call, ISagaAccess> open,
        string description,
        string example,
        Func<Call, OperatorActionRequest, OperatorActionRequest>? complete = null)
    {
        Argument<SagaId> id = Values.SagaIdArgument();
        var options = new ActionOptions();
        var command = new ToolCommand(SagaNames.Of(kind), description, example) { id };
        options.AddTo(command);
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            ISagaAccess access = open(call);
            await using (access.ConfigureAwait(false))
            {
                OperatorActionRequest request = options.Read(call);
                OperatorActionResponse response = await access.PerformAsync(
                    kind, call.Value(id), complete?.Invoke(call, request) ?? request, cancellationToken).ConfigureAwait(false);
                return ActionReply.Print(call, response);
            }
        });
        return command;
    }
}
