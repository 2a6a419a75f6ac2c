using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Empties the process that is asked, for an update.</summary>
internal static class DrainCommand
{
    private static readonly TimeSpan s_defaultLetRun = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_reassigning = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(200);

    public static Command Create(CommonOptions common)
    {
        Option<TimeSpan?> letRun = new("--let-run")
        {
            Description = "How long sagas may run on before the rest is given to others [default: 10s]",
            HelpName = "time",
            CustomParser = result => Values.ParseSpan(result),
        };
        Option<bool> wait = new("--wait") { Description = "Wait until it has ended; exit 1 if sagas are left" };
        Option<bool> yes = Consent.YesOption();
        var options = new ActionOptions();
        var command = new ToolCommand(
            SagaNames.Of(OperatorActionKind.Drain),
            "Empties the process: no new sagas, those that run may finish for a while, and the rest goes to other coordinators",
            "drain --url http://127.0.0.1:5080 --let-run 30s --wait --yes --comment 'update to version 2'")
        {
            letRun, wait, yes,
        };
        options.AddTo(command);
        common.Run(command, (call, cancellationToken) =>
        {
            TimeSpan running = call.Value(letRun) ?? s_defaultLetRun;
            OperatorActionRequest note = options.Read(call);
            var request = new DrainRequest { Reason = note.Reason, Actor = note.Actor, LetRun = running.TotalSeconds };
            return RunAsync(call, request, call.Value(wait) ? running + s_reassigning : null, call.Value(yes), cancellationToken);
        });
        return command;
    }

    private static async Task<ExitCode> RunAsync(Call call, DrainRequest request, TimeSpan? wait, bool consented, CancellationToken cancellationToken)
    {
        ServiceAccess service = call.OpenService();
        await using (service.ConfigureAwait(false))
        {
            if (!consented)
            {
                await Consent.AskAsync(
                    call,
                    SagaNames.Of(OperatorActionKind.Drain),
                    [$"drain {service.Where}", "  It starts no sagas any more until it is restarted; what it does not finish in time is given to other coordinators."],
                    cancellationToken).ConfigureAwait(false);
            }

            DrainReport drain = await service.DrainAsync(request, cancellationToken).ConfigureAwait(false);
            if (wait is { } longest)
            {
                var deadline = new Deadline(call.Timeout ?? longest, $"the drain of {service.Where}", call.Around.Time);
                drain = await deadline.AskAsync(token => WaitAsync(call, service, token), " It goes on: 'status' says how far it has come.", cancellationToken).ConfigureAwait(false);
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
                    throw new RefusalException(ExitCode.Failed, "The process has been restarted meanwhile: nothing is draining any more.");
            }

            await Task.Delay(s_pollInterval, call.Around.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static ExitCode Report(Call call, DrainReport drain)
    {
        string asked = $"drain: asked for by {PlainText.OneLine(drain.Note.Actor)} at {PlainText.Time(drain.Since)}";
        if (drain.Phase is DrainPhase.Incomplete or DrainPhase.Unanswered)
        {
            call.Note(drain.Phase == DrainPhase.Unanswered
                ? $"{asked}; the database did not answer: ask for it again."
                : $"{asked}; {PlainText.Count(drain.Reassigned, "saga")} given to others, {drain.Left} left, which nobody else can take: they go on at the next start.");
            return ExitCode.Failed;
        }

        if (!call.Json)
        {
            call.Screen.Line(drain.Phase == DrainPhase.Drained
                ? $"{asked}; done, {PlainText.Count(drain.Reassigned, "saga")} given to others, none left"
                : $"{asked}; 'status' says how far it has come (or use --wait)");
        }

        return ExitCode.Done;
    }
}
