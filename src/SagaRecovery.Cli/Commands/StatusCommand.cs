using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Commands;

/// <summary>Shows the status of a service's recovery, or that of the database.</summary>
internal static class StatusCommand
{
    public static Command Create(CommonOptions common)
    {
        var command = new ToolCommand(
            "status",
            "Shows the recovery status of a service; with --connection: coordinators, pauses, orphans, saga counts, problems and crash loops",
            "status --url http://127.0.0.1:5080",
            "status --url http://127.0.0.1:5080 --json | jq .totals",
            "status --connection 'Host=127.0.0.1;Database=control_plane;Username=postgres'");
        common.SetHandler(command, RunAsync);
        return command;
    }

    private static async Task<ExitCode> RunAsync(Call call, CancellationToken cancellationToken)
    {
        ISagaAccess access = call.Open();
        await using (access.ConfigureAwait(false))
        {
            if (access is ServiceAccess service)
            {
                await PrintServiceStatusAsync(call, service, cancellationToken).ConfigureAwait(false);
                return ExitCode.Done;
            }

            var status = new StoreStatus(
                await access.ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false),
                await access.CountAsync(cancellationToken).ConfigureAwait(false),
                await access.ReadClusterAsync(cancellationToken).ConfigureAwait(false),
                await access.ListProblemsAsync(cancellationToken).ConfigureAwait(false));
            if (call.Json)
            {
                call.Screen.Json(status, ToolJson.Default.StoreStatus);
            }
            else
            {
                Print(call.Screen, access.Target, status);
            }

            return ExitCode.Done;
        }
    }

    private static async Task PrintServiceStatusAsync(Call call, ServiceAccess service, CancellationToken cancellationToken)
    {
        if (call.Json)
        {
            call.Screen.Json(await service.StatusAsync(cancellationToken).ConfigureAwait(false), RecoveryReportJson.Default.RecoveryReport);
        }
        else
        {
            call.Screen.Lines(await service.StatusTextAsync(cancellationToken).ConfigureAwait(false));
        }
    }

    private static void Print(Screen screen, string target, StoreStatus status)
    {
        screen.Line($"{target}: status from the tables alone; pass --url for the status of a process");
        screen.Line();
        CoordinatorListCommand.Print(screen, status.Coordinators);
        screen.Line();
        OrphansCommand.Print(screen, status.Cluster);
        screen.Line();
        CountSheet.Print(screen, status.Counts);
        screen.Line();
        PrintProblems(screen, status.Problems);
    }

    /// <summary>Prints the numbers of problems, and each crash loop: no other part of the status shows it.</summary>
    private static void PrintProblems(Screen screen, ProblemList problems)
    {
        if (problems.Counts.Count == 0)
        {
            screen.Line("No problems are known in the database.");
            return;
        }

        screen.Line($"{ProblemListText.Summarize(problems)}: run 'problems' for the reasons");
        foreach (Problem loop in problems.Problems.Where(problem => problem.Kind == ProblemKind.CrashLoop))
        {
            screen.Line($"CRASH LOOP: coordinator {loop.Subject}{(loop.Name is { } host ? $" on {PlainText.OneLine(host)}" : "")}: {PlainText.OneLine(loop.Reason)}");
        }
    }
}
