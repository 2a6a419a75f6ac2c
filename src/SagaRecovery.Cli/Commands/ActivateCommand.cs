using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Commands;

/// <summary>Runs a recovery pass now.</summary>
internal static class ActivateCommand
{
    private static readonly TimeSpan s_longestPass = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(50);

    public static Command Create(CommonOptions common)
    {
        Option<bool> wait = new("--wait") { Description = "Wait until the pass ends and print its result; exit code 1 if the pass or any saga failed" };
        var command = new ToolCommand(
            "activate",
            "Runs a recovery pass now and retries sagas that are backing off immediately",
            "activate --url http://127.0.0.1:5080 --wait",
            "activate --url http://127.0.0.1:5080 --wait --json | jq .recovered")
        {
            wait,
        };
        common.SetHandler(command, (call, cancellationToken) => call.Value(wait) ? RunAsync(call, cancellationToken) : BeginAsync(call, cancellationToken));
        return command;
    }

    private static async Task<ExitCode> RunAsync(Call call, CancellationToken cancellationToken)
    {
        ServiceAccess service = call.OpenService(s_longestPass);
        await using (service.ConfigureAwait(false))
        {
            PassReport pass = await service.ActivateAsync(cancellationToken).ConfigureAwait(false);
            if (call.Json)
            {
                call.Screen.Json(pass, RecoveryReportJson.Default.PassReport);
            }
            else
            {
                Print(call.Screen, pass);
            }

            return pass.Result is PassResult.Completed ? ExitCode.Done : ExitCode.Failed;
        }
    }

    /// <summary>Requests a pass and returns as soon as the status shows that it has begun.</summary>
    private static async Task<ExitCode> BeginAsync(Call call, CancellationToken cancellationToken)
    {
        ServiceAccess service = call.OpenService();
        await using (service.ConfigureAwait(false))
        {
            long before = Latest(await service.StatusAsync(cancellationToken).ConfigureAwait(false))?.Iteration ?? 0;
            using var abandonWait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task<PassReport> activation = service.ActivateAsync(abandonWait.Token);
            PassStart? began = null;
            while (began is null && !activation.IsCompleted)
            {
                await Task.WhenAny(activation, Task.Delay(s_pollInterval, call.Environment.Time, cancellationToken)).ConfigureAwait(false);
                RecoveryReport report = await service.StatusAsync(cancellationToken).ConfigureAwait(false);
                began = Latest(report) is { Reason: PassReason.Explicit } latest && latest.Iteration > before ? latest : null;
            }

            began ??= (await activation.ConfigureAwait(false)).Start;
            await abandonWait.CancelAsync().ConfigureAwait(false);
            await activation.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).ConfigureAwait(false);
            if (call.Json)
            {
                call.Screen.Json(began, RecoveryReportJson.Default.PassStart);
            }
            else
            {
                call.Screen.Line($"pass {began.Iteration} began at {PlainText.PreciseTime(began.StartedAt)}; 'status' shows its result (or use --wait)");
            }

            return ExitCode.Done;
        }
    }

    private static PassStart? Latest(RecoveryReport report) => report.CurrentPass ?? report.LastPass?.Start;

    private static void Print(Screen screen, PassReport pass)
    {
        string result = pass.Result switch
        {
            PassResult.Completed => "completed",
            PassResult.CompletedWithFailures => $"completed, but {pass.Failed} of {PlainText.Count(pass.Found, "saga")} failed",
            PassResult.CutShort => $"ended early: {PlainText.Count(pass.NotAttempted, "saga")} not attempted",
            _ => $"FAILED: {PlainText.OneLine(pass.Error ?? "", longest: 400)}",
        };
        screen.Line($"pass {pass.Start.Iteration}, {PlainText.Duration(pass.Duration)}: {result}");
        (string Name, int Count)[] counts =
        [
            ("found", pass.Found), ("recovered", pass.Recovered), ("failed", pass.Failed), ("already running or queued", pass.Skipped), ("removed", pass.Removed),
            ("starting", pass.Starting), ("unknown definition", pass.UnknownDefinition), ("backing off", pass.BackingOff), ("held", pass.Held), ("paused", pass.Paused),
            ("deferred", pass.Deferred), ("waiting for a slot", pass.WaitingForSlot), ("abandoned", pass.Abandoned), ("unreadable", pass.Unreadable), ("superseded", pass.Superseded),
            ("not attempted", pass.NotAttempted),
        ];
        screen.Line("  " + string.Join(", ", counts.Where((entry, index) => index < 3 || entry.Count > 0).Select(entry => $"{entry.Name} {entry.Count}")));
        if (pass.FailedSagas.Count > 0)
        {
            var failed = new Sheet(Column.OfTexts("NAME"), "SAGA", Column.OfTexts("ERROR"));
            foreach (FailedSaga saga in pass.FailedSagas)
            {
                failed.Add(saga.Name, saga.SagaId.ToString(), saga.Message);
            }

            screen.Print(failed);
        }
    }
}
