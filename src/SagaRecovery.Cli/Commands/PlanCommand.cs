using System.CommandLine;
using System.Globalization;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Commands;

/// <summary>Shows what a pass would do now, as a dry run.</summary>
internal static class PlanCommand
{
    public static Command Create(CommonOptions common)
    {
        var command = new ToolCommand(
            "plan",
            "Shows what 'activate' would do now with each saga; a dry run that resumes nothing",
            "plan --url http://127.0.0.1:5080",
            "plan --url http://127.0.0.1:5080 --json | jq '.buckets[] | select(.count > 0)'");
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            ServiceAccess service = call.OpenService();
            await using (service.ConfigureAwait(false))
            {
                RecoveryPlanReport plan = await service.PlanAsync(cancellationToken).ConfigureAwait(false);
                if (call.Json)
                {
                    call.Screen.Json(plan, RecoveryReportJson.Default.RecoveryPlanReport);
                }
                else
                {
                    Print(call.Screen, plan);
                }

                return ExitCode.Done;
            }
        });
        return command;
    }

    private static void Print(Screen screen, RecoveryPlanReport plan)
    {
        screen.Line($"A pass at {PlainText.Time(plan.At)} would find {PlainText.Count(plan.Found, "saga")} in progress and owned by this coordinator:");
        if (plan.Buckets.All(bucket => bucket.Count == 0))
        {
            screen.Line("  nothing to do");
            return;
        }

        foreach (PlanBucket bucket in plan.Buckets.Where(bucket => bucket.Count > 0))
        {
            string count = bucket.Count.ToString(CultureInfo.InvariantCulture);
            screen.Line($"  {PlainText.OneLine(bucket.Name)}: {count}");
            foreach (SagaId sagaId in bucket.Sagas)
            {
                screen.Line($"    {sagaId}");
            }

            if (bucket.Count > bucket.Sagas.Count)
            {
                screen.Line($"    … and {bucket.Count - bucket.Sagas.Count} more");
            }
        }
    }
}
