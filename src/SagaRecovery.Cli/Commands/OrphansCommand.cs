using System.CommandLine;
using System.Globalization;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Lists unfinished sagas without a running owner.</summary>
internal static class OrphansCommand
{
    public static Command Create(CommonOptions common)
    {
        var command = new ToolCommand(
            "orphans",
            "Lists unfinished sagas that no process runs: without an owner, or with one that is down or never joined",
            "coordinators orphans --url http://127.0.0.1:5080",
            "coordinators orphans --json | jq .orphans.count");
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            ISagaAccess access = call.Open();
            await using (access.ConfigureAwait(false))
            {
                ClusterDetails cluster = await access.ReadClusterAsync(cancellationToken).ConfigureAwait(false);
                if (call.Json)
                {
                    call.Screen.Json(cluster, RecoveryReportJson.Default.ClusterDetails);
                }
                else
                {
                    Print(call.Screen, cluster);
                }

                return ExitCode.Done;
            }
        });
        return command;
    }

    public static void Print(Screen screen, ClusterDetails cluster)
    {
        OwnedSagas[] unattended = [.. cluster.Owners.Where(owned => owned is { Answers: false, Count: > 0 })];
        if (unattended.Length == 0)
        {
            screen.Line("Every unfinished saga has an owner that answers.");
            return;
        }

        var sheet = new Sheet("OWNER", "WHY", "SAGAS", new Column("OLDEST") { LeftOut = 0 });
        foreach (OwnedSagas owned in unattended)
        {
            sheet.Add(
                owned.Owner?.ToString() ?? ReassignSource.NoOwner, // the value that 'reassign' accepts
                owned.Owner is null ? "has no owner" : owned.IsKnown ? "does not answer" : "never joined",
                owned.Count!.Value.ToString(CultureInfo.InvariantCulture),
                owned.Oldest is { } oldest ? $"{PlainText.Duration(cluster.At - oldest)} ago" : Cell.Nothing);
        }

        screen.Print(sheet);
        screen.Line($"{cluster.Orphans.Count} orphaned, {cluster.OwnerDown.Count} with the owner down: run 'coordinators reassign OWNER' to reassign them");
    }
}
