using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Commands;

/// <summary>Lists what deserves an operator's attention, and acknowledges it.</summary>
internal static class ProblemCommands
{
    public static Command Create(CommonOptions common)
    {
        Option<bool> open = new("--open") { Description = "Omit the problems that are acknowledged" };
        var command = new ToolCommand(
            "problems",
            "Lists what deserves your attention, until it is resolved: stuck and abandoned sagas, sagas that fail or that no process runs, crash loops",
            "problems",
            "problems --open --json")
        {
            open, CreateAcknowledge(common),
        };
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            ISagaAccess access = call.Open();
            await using (access.ConfigureAwait(false))
            {
                ProblemList problems = await access.ListProblemsAsync(cancellationToken).ConfigureAwait(false);
                bool openOnly = call.Value(open);
                if (call.Json)
                {
                    ProblemList listed = openOnly ? problems with { Problems = [.. problems.Problems.Where(problem => problem.Acknowledged is null)] } : problems;
                    call.Screen.Json(listed, RecoveryReportJson.Default.ProblemList);
                }
                else
                {
                    foreach (string line in ProblemListText.Render(problems, withAcknowledged: !openOnly).TrimEnd('\n').Split('\n'))
                    {
                        call.Screen.Line(line);
                    }
                }

                return ExitCode.Done;
            }
        });
        return command;
    }

    private static ToolCommand CreateAcknowledge(CommonOptions common)
    {
        Argument<string> id = new("id") { Description = "The id of the problem, as listed by 'problems'" };
        var options = new ActionOptions();
        var command = new ToolCommand(
            "acknowledge",
            "Acknowledges a problem: it stays in the list, and alerts no longer count it, until it is resolved and begins anew",
            "problems acknowledge stuck:0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 --comment 'INC-481'")
        {
            id,
        };
        options.AddTo(command);
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            ISagaAccess access = call.Open();
            await using (access.ConfigureAwait(false))
            {
                Problem problem = await access.AcknowledgeAsync(call.Value(id)!, options.Read(call), cancellationToken).ConfigureAwait(false);
                if (call.Json)
                {
                    call.Screen.Json(problem, RecoveryReportJson.Default.Problem);
                }
                else
                {
                    call.Screen.Line($"acknowledged {PlainText.OneLine(problem.Id, longest: 200)}");
                }

                return ExitCode.Done;
            }
        });
        return command;
    }
}
