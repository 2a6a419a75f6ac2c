using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Operator actions that cannot be taken back.</summary>
/// <remarks>Each shows the saga and the consequence, asks for confirmation, and applies only to the state and generation that it showed.</remarks>
internal static class DestructiveCommands
{
    public static Command CreateAbandon(CommonOptions common)
    {
        var command = new ToolCommand(
            "abandon",
            "Abandons a saga in progress: it is neither continued nor undone",
            "sagas abandon 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 --comment 'cleared up by hand, INC-481'",
            "sagas abandon 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 --comment 'INC-481' --yes");
        Add(common, command, OperatorActionKind.Abandon, node: null, "The saga ends now. It is never continued, and none of its effects are undone.");
        return command;
    }

    public static Command CreateInjectError(CommonOptions common)
    {
        Argument<string> node = new("node") { Description = "The node to fail; its action must have started and not ended" };
        var command = new ToolCommand(
            "inject-error",
            "Fails a node whose action has started and not ended, so that the saga unwinds",
            "sagas inject-error 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 wait-for-release --comment 'hangs since the upgrade'");
        Add(
            common,
            command,
            OperatorActionKind.InjectError,
            node,
            "The node is recorded as failed, and the nodes before it are undone. Its own action is undone only if its policy has UndoAfterFailure.");
        return command;
    }

    public static Command CreateCancel(CommonOptions common)
    {
        var command = new ToolCommand(
            "cancel",
            "Cancels a running saga: its owner starts no more steps and undoes those that succeeded",
            "sagas cancel 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 --comment 'the customer has left'");
        Add(
            common,
            command,
            OperatorActionKind.Cancel,
            node: null,
            "The saga can no longer succeed. Steps in flight end first, unless they can be undone at any point, and all that succeeded is undone.");
        return command;
    }

    public static Command CreateRetryUndo(CommonOptions common)
    {
        var command = new ToolCommand(
            "retry-undo",
            "Returns a stuck saga to unwinding, so that its failed undos run again",
            "sagas retry-undo 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 --comment 'the account is open again'");
        Add(
            common,
            command,
            OperatorActionKind.RetryUndo,
            node: null,
            "The undos that failed run again. Once they succeed, the nodes before them are undone.");
        return command;
    }

    public static Command CreateSkipUndo(CommonOptions common)
    {
        Argument<string> node = new("node") { Description = "The node whose undo has failed or is in flight, and that you have undone manually" };
        var command = new ToolCommand(
            "skip-undo",
            "Marks an undo that has failed or is in flight as done, because you did it manually",
            "sagas skip-undo 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 charge-card --comment 'refunded by hand, INC-481'");
        Add(
            common,
            command,
            OperatorActionKind.SkipUndo,
            node,
            "The undo counts as done and never runs again, and the nodes before it are undone. If you have not undone its effect, it stays.");
        return command;
    }

    private static void Add(CommonOptions common, ToolCommand command, OperatorActionKind kind, Argument<string>? node, string consequence)
    {
        Argument<SagaId> id = Values.SagaIdArgument();
        var options = new ActionOptions();
        Option<bool> yes = Confirmation.YesOption();
        Option<bool>? force = kind is OperatorActionKind.RetryUndo or OperatorActionKind.Cancel ? null : new("--force") { Description = "Act even if the saga's owner answers" };
        command.Arguments.Add(id);
        if (node is not null)
        {
            command.Arguments.Add(node);
        }

        options.AddTo(command);
        if (force is not null)
        {
            command.Options.Add(force);
        }

        command.Options.Add(yes);
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            bool confirmed = call.Value(yes);
            if (!confirmed)
            {
                Confirmation.ThrowIfNotInteractive(call, command.Name);
            }

            ISagaAccess access = call.Open();
            await using (access.ConfigureAwait(false))
            {
                SagaDetails saga = await access.FindAsync(call.Value(id), cancellationToken).ConfigureAwait(false)
                    ?? throw new ToolException(ExitCode.NotFound, $"There is no saga {call.Value(id)} in {access.Target}.");
                OperatorActionRequest request = options.Read(call) with
                {
                    Force = force is not null && call.Value(force),
                    State = saga.Summary.State,
                    Generation = saga.Summary.Generation,
                    Node = node is null ? null : call.Value(node),
                };
                OperatorActionResponse response = CheckLocally(kind, saga, request)
                    ?? await Confirmation.AskAsync(call, kind, saga, request, consequence, confirmed, cancellationToken).ConfigureAwait(false)
                    ?? await access.PerformAsync(kind, saga.Summary.Id, request, cancellationToken).ConfigureAwait(false);
                return ActionReply.Print(call, response);
            }
        });
    }

    private static OperatorActionResult.Superseded? RefusalToCancel(SagaDetails saga) =>
        OperatorActionRules.ReasonNotToCancel(saga) is { } reason ? new OperatorActionResult.Superseded(saga.Summary, reason) : null;

    /// <summary>Returns the refusal of an action that cannot succeed, so that the operator is not asked to confirm it.</summary>
    private static OperatorActionResponse? CheckLocally(OperatorActionKind kind, SagaDetails saga, OperatorActionRequest request)
    {
        var evenIfOwnerAnswers = new OperatorActionCondition { EvenIfOwnerAnswers = true };
        OperatorActionResult? refusal = kind switch
        {
            OperatorActionKind.Cancel => RefusalToCancel(saga),
            OperatorActionKind.RetryUndo => StuckSagaRules.Refusal(saga, OperatorActionCondition.None),
            OperatorActionKind.SkipUndo => StuckSagaRules.RefusalToSkip(saga, evenIfOwnerAnswers),
            _ => OperatorActionRules.Refusal(saga, evenIfOwnerAnswers),
        };
        if (refusal is not null)
        {
            return OperatorActionResponse.Of(kind, saga.Summary.Id, refusal);
        }

        return request.Node is { } node && saga.Graph is { } graph && graph.Find(node) is null
            ? throw new ToolException(
                ExitCode.Usage,
                $"The saga has no node '{PlainText.OneLine(node)}'; its nodes are {string.Join(", ", graph.Nodes.Take(50).Select(known => known.Name))}.")
            : null;
    }
}
