using System.CommandLine;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Commands;

/// <summary>The options of every operator action: the reason and the operator.</summary>
internal sealed class ActionOptions
{
    public ActionOptions()
    {
        Values.RequireText(Comment!);
        Values.RequireText(Actor);
    }

    public Option<string> Comment { get; } = new("--comment")
    {
        Description = $"The reason, kept with your name; at most {OperatorNote.MaxLength} characters",
        Required = true,
        HelpName = "text",
    };

    public Option<string?> Actor { get; } = new("--actor")
    {
        Description = "The operator [default: your system user name]; ignored by a service that you sign in to",
        HelpName = "name",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(Comment);
        command.Options.Add(Actor);
    }

    public OperatorActionRequest Read(Call call) => new() { Reason = call.Value(Comment)!, Actor = call.Value(Actor) ?? call.Environment.User };
}

/// <summary>Prints the result of an operator action.</summary>
internal static class ActionReply
{
    public static ExitCode Print(Call call, OperatorActionResponse response)
    {
        if (call.Json)
        {
            call.Screen.Json(response, RecoveryReportJson.Default.OperatorActionResponse);
        }

        if (response.Result != OperatorActionStatus.Done)
        {
            call.Note(response.Message);
        }
        else if (!call.Json)
        {
            call.Screen.Line(PlainText.OneLine(response.Message, longest: 1_000));
        }

        return ToExitCode(response.Result);
    }

    public static ExitCode ToExitCode(OperatorActionStatus result) => result switch
    {
        OperatorActionStatus.Done => ExitCode.Done,
        OperatorActionStatus.NoSuchSaga or OperatorActionStatus.NoSuchCoordinator or OperatorActionStatus.NoSuchDefinition => ExitCode.NotFound,
        OperatorActionStatus.Superseded => ExitCode.Superseded,
        _ => ExitCode.Refused,
    };
}
