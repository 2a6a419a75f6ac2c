using System.CommandLine;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Commands;

/// <summary>What every lever is told: why, and by whom.</summary>
internal sealed class ActionOptions
{
    public ActionOptions()
    {
        Values.Bound(Comment!);
        Values.Bound(Actor);
    }

    public Option<string> Comment { get; } = new("--comment")
    {
        Description = $"Why, for whoever looks later; at most {OperatorNote.MaxLength} characters",
        Required = true,
        HelpName = "text",
    };

    public Option<string?> Actor { get; } = new("--actor")
    {
        Description = "Who [default: your name on this system]; a service that you sign in to goes by your name there",
        HelpName = "name",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(Comment);
        command.Options.Add(Actor);
    }

    public OperatorActionRequest Read(Call call) => new() { Reason = call.Value(Comment)!, Actor = call.Value(Actor) ?? call.Around.User };
}

/// <summary>Says what became of a lever.</summary>
internal static class ActionReply
{
    public static ExitCode Give(Call call, OperatorActionResponse answer)
    {
        if (call.Json)
        {
            call.Screen.Json(answer, RecoveryReportJson.Default.OperatorActionResponse);
        }

        if (answer.Result != OperatorActionStatus.Done)
        {
            call.Note(answer.Message);
        }
        else if (!call.Json)
        {
            call.Screen.Line(PlainText.OneLine(answer.Message, longest: 1_000));
        }

        return Of(answer.Result);
    }

    public static ExitCode Of(OperatorActionStatus result) => result switch
    {
        OperatorActionStatus.Done => ExitCode.Done,
        OperatorActionStatus.NoSuchSaga or OperatorActionStatus.NoSuchCoordinator => ExitCode.NotFound,
        OperatorActionStatus.Superseded => ExitCode.Superseded,
        _ => ExitCode.Refused,
    };
}
