using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Levers that cannot be taken back. Each shows what it will do to which saga, asks, and is bound to what it showed.</summary>
internal static class DestructiveCommands
{
    public static Command CreateAbandon(CommonOptions common)
    {
        var command = new ToolCommand(
            "abandon",
            "Sets a saga in progress aside for good: nobody carries it on or undoes it",
            "sagas abandon 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 --comment 'cleared up by hand, INC-481'",
            "sagas abandon 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 --comment 'INC-481' --yes");
        Add(common, command, OperatorActionKind.Abandon, node: null, "It is set aside for good: nobody carries it on, and nothing that it did is undone.");
        return command;
    }

    public static Command CreateInjectError(CommonOptions common)
    {
        Argument<string> node = new("node") { Description = "The node to fail: one whose action has started and not ended" };
        var command = new ToolCommand(
            "inject-error",
            "Makes a node fail whose action has started and not ended, so that the saga unwinds",
            "sagas inject-error 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 wait-for-release --comment 'hangs since the upgrade'");
        Add(
            common,
            command,
            OperatorActionKind.InjectError,
            node,
            "That node counts as failed, and what was done before it is undone. Whatever its own action did is not.");
        return command;
    }

    private static void Add(CommonOptions common, ToolCommand command, OperatorActionKind kind, Argument<string>? node, string whatItMeans)
    {
        Argument<SagaId> id = Values.SagaIdArgument();
        var options = new ActionOptions();
        Option<bool> yes = Consent.YesOption();
        Option<bool> force = new("--force") { Description = "Although the saga's owner answers, and could do it itself" };
        command.Arguments.Add(id);
        if (node is not null)
        {
            command.Arguments.Add(node);
        }

        options.AddTo(command);
        command.Options.Add(force);
        command.Options.Add(yes);
        common.Run(command, async (call, cancellationToken) =>
        {
            bool consented = call.Value(yes);
            if (!consented)
            {
                Consent.ThrowIfNobodyCanBeAsked(call, command.Name);
            }

            ISagaAccess access = call.Open();
            await using (access.ConfigureAwait(false))
            {
                SagaDetails saga = await access.FindAsync(call.Value(id), cancellationToken).ConfigureAwait(false)
                    ?? throw new RefusalException(ExitCode.NotFound, $"There is no saga {call.Value(id)} in {access.Where}.");
                OperatorActionRequest request = options.Read(call) with
                {
                    Force = call.Value(force),
                    State = saga.Summary.State,
                    Generation = saga.Summary.Generation,
                    Node = node is null ? null : call.Value(node),
                };
                OperatorActionResponse answer = Refusal(kind, saga, request)
                    ?? await Consent.AskAsync(call, kind, saga, request, whatItMeans, consented, cancellationToken).ConfigureAwait(false)
                    ?? await access.PerformAsync(kind, saga.Summary.Id, request, cancellationToken).ConfigureAwait(false);
                return ActionReply.Give(call, answer);
            }
        });
    }

    /// <summary>What need not be asked, since it cannot be.</summary>
    private static OperatorActionResponse? Refusal(OperatorActionKind kind, SagaDetails saga, OperatorActionRequest request)
    {
        if (saga.Summary.State is not (SagaState.Running or SagaState.Unwinding))
        {
            return OperatorActionResponse.Of(kind, saga.Summary.Id, new OperatorActionResult.Superseded(saga.Summary, "it has ended"));
        }

        return request.Node is { } node && saga.Graph is { } graph && graph.Find(node) is null
            ? throw new RefusalException(
                ExitCode.Usage, $"The saga has no node '{PlainText.OneLine(node)}'; it has {string.Join(", ", graph.Nodes.Take(50).Select(one => one.Name))}.")
            : null;
    }
}
