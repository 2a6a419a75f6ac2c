using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Drains a process before an update.</summary>
internal static class DrainCommand
{
    private static readonly TimeSpan s_defaultLetRun = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_reassignTimeout = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(200);

    public static Command Create(CommonOptions common)
    {
        Option<TimeSpan?> gracePeriod = new("--grace-period")
        {
            Description = "The time that running sagas get to finish before the rest is reassigned, such as 25s, 2m or 00:02:00 [default: 10s]",
            HelpName = "time",
            CustomParser = Values.ParseSpan,
        };
        Option<bool> wait = new("--wait") { Description = "Wait until the drain ends; exit code 1 if sagas are left" };
        Option<bool> yes = Confirmation.YesOption();
        var options = new ActionOptions();
        var command = new ToolCommand(
            SagaNames.Of(OperatorActionKind.Drain),
            "Drains the process: it starts no new sagas, running ones get time to finish, and the rest is reassigned",
            "drain --url http://127.0.0.1:5080 --grace-period 30s --wait --yes --comment 'update to version 2'")
        {
            gracePeriod, wait, yes,
        };
        options.AddTo(command);
        common.SetHandler(command, (call, cancellationToken) =>
        {
            TimeSpan grace = call.Value(gracePeriod) ?? s_defaultLetRun;
            OperatorActionRequest note = options.Read(call);
            var request = new DrainRequest { Reason = note.Reason, Actor = note.Actor, GracePeriod = grace.TotalSeconds };
            return RunAsync(call, request, call.Value(wait) ? grace + s_reassignTimeout : null, call.Value(yes), cancellationToken);
        });
        return command;
    }

    private static async Task<ExitCode> RunAsync(Call call, DrainRequest request, TimeSpan? wait, bool confirmed, CancellationToken cancellationToken)
    {
        ServiceAccess service = call.OpenService();
        await using (service.ConfigureAwait(false))
        {
            if (!confirmed)
            {
                await Confirmation.AskAsync(
                    call,
                    SagaNames.Of(OperatorActionKind.Drain),
                    [
                        $"drain {service.Target}",
                        "  The process starts no sagas until it is restarted. Sagas that do not finish in time are reassigned to other coordinators.",
                    ],
                    cancellationToken).ConfigureAwait(false);
            }

            DrainReport drain = await service.DrainAsync(request, cancellationToken).ConfigureAwait(false);
            if (wait is { } limit)
            {
                var deadline = new Deadline(call.Timeout ?? limit, $"the drain of {service.Target}", call.Environment.Time);
                drain = await deadline.RunAsync(
                    token => WaitAsync(call, service, token), " The drain continues: 'status' shows its progress.", cancellationToken).ConfigureAwait(false);
            }

            if (call.Json)
            {
                call.Screen.Json(drain, RecoveryReportJson.Default.DrainReport);
            }

            return Report(call, drain);
        }
    }

    private static async Task<DrainReport> WaitAsync(Call call, ServiceAccess service, CancellationToken cancellationToken)
    {
        while (true)
        {
            RecoveryReport report = await service.StatusAsync(cancellationToken).ConfigureAwait(false);
            switch (report.Drain)
            {
                case { Phase: DrainPhase.Drained or DrainPhase.Incomplete or DrainPhase.Unanswered } ended:
                    return ended;
                case null:
                    throw new ToolException(ExitCode.Failed, "The process has been restarted: it is no longer draining.");
            }

            await Task.Delay(s_pollInterval, call.Environment.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static ExitCode Report(Call call, DrainReport drain)
    {
        string summary = $"drain: requested by {PlainText.OneLine(drain.Note.Actor)} at {PlainText.Time(drain.Since)}";
        if (drain.Phase is DrainPhase.Incomplete or DrainPhase.Unanswered)
        {
            call.Note(drain.Phase == DrainPhase.Unanswered
                ? $"{summary}; the database did not answer: run 'drain' again."
                : $"{summary}; {PlainText.Count(drain.Reassigned, "saga")} reassigned, {drain.Left} left, "
                    + "which no other coordinator can take: they resume at the next start."
                    + (drain.Paused.Count == 0 ? "" : $" Took none, since their recovery is paused: {string.Join(", ", drain.Paused)}."));
            return ExitCode.Failed;
        }

        if (!call.Json)
        {
            call.Screen.Line(drain.Phase == DrainPhase.Drained
                ? $"{summary}; done, {PlainText.Count(drain.Reassigned, "saga")} reassigned, none left"
                : $"{summary}; 'status' shows its progress (or use --wait)");
        }

        return ExitCode.Done;
    }
}
